// Mediad measures the audio of calls on the bus and publishes its quality.
package main

import (
	"os"

	"github.com/rvoip/shmbus/examples/voip/internal/mediad"
)

func main() { os.Exit(mediad.Program().Main()) }
