// Rtpd receives the audio of calls on the bus and puts every RTP packet there.
package main

import (
	"os"

	"github.com/rvoip/shmbus/examples/voip/internal/rtpd"
)

func main() { os.Exit(rtpd.Program().Main()) }
