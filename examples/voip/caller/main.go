// Caller makes calls with a tone as audio: a client for where SIPp cannot be had.
package main

import (
	"os"

	"github.com/rvoip/shmbus/examples/voip/internal/caller"
)

func main() { os.Exit(caller.Program().Main()) }
