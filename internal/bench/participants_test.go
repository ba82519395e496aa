package bench

import (
	"path/filepath"
	"testing"

	"github.com/rvoip/shmbus/bus"
)

// participants are the process ids of who has joined a region and lives, by
// name; none while there is no such region.
func participants(t *testing.T, dir, path string) map[string]int {
	t.Helper()
	v, err := bus.Inspect(filepath.Base(path), &bus.Options{Dir: dir})
	if err != nil {
		return nil
	}
	defer v.Close()
	s, err := v.Snapshot()
	if err != nil {
		return nil
	}
	pids := map[string]int{}
	for _, p := range s.Participants {
		if p.Alive {
			pids[p.Name] = p.PID
		}
	}
	return pids
}
