// Sipd answers SIP calls over UDP and puts every message and call state on the bus.
package main

import (
	"os"

	"github.com/rvoip/shmbus/examples/voip/internal/sipd"
)

func main() { os.Exit(sipd.Program().Main()) }
