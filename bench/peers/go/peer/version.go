package peer

import (
	"errors"
	"runtime"
	"runtime/debug"
)

// errEnded is of a transport that ended before the last event.
var errEnded = errors.New("the transport ended early")

// maxBatch bounds what is published in one call.
const maxBatch = 1024

func goVersion() string { return runtime.Version() }

// moduleVersion is the version of a module that the program was built with.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}
