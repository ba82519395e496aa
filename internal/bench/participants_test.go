package bench

import (
	"path/filepath"
	"testing"

	"github.com/rvoip/shmbus/bus"
)

// participants is how many live processes have joined a region, 0 while there
// is none.
func participants(t *testing.T, dir, path string) (n int) {
	t.Helper()
	v, err := bus.Inspect(filepath.Base(path), &bus.Options{Dir: dir})
	if err != nil {
		return 0
	}
	defer v.Close()
	s, err := v.Snapshot()
	if err != nil {
		return 0
	}
	for _, p := range s.Participants {
		if p.Alive {
			n++
		}
	}
	return n
}
