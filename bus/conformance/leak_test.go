package conformance_test

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// noLeaks requires that the goroutines which a test starts have ended with it.
func noLeaks(t *testing.T) {
	before := goroutines()
	t.Cleanup(func() {
		for wait := time.Millisecond; ; wait *= 2 {
			var left []string
			for id, stack := range goroutines() {
				if _, old := before[id]; !old {
					left = append(left, stack)
				}
			}
			if len(left) == 0 {
				return
			}
			if wait > patience {
				t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
				return
			}
			time.Sleep(wait)
		}
	})
}

// goroutines returns the stacks of all goroutines of ours, by their number.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := map[string]string{}
	for _, stack := range strings.Split(string(buf), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		if strings.Contains(stack, "shmbus/") && !strings.Contains(stack, "conformance_test.goroutines") {
			all[id] = stack
		}
	}
	return all
}
