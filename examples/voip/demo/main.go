// Demo runs the switch on real calls and shows what came of them.
package main

import (
	"os"

	"github.com/rvoip/shmbus/examples/voip/internal/demo"
)

func main() { os.Exit(demo.Main(os.Args[1:], os.Stdout, os.Stderr)) }
