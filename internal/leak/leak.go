// Package leak finds goroutines that tests of the core leave behind. The core's tests
// depend on testify alone, so it has this; all other tests use a library for it.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long a goroutine may take to end that has been told to.
const patience = time.Minute

// Check requires that the goroutines of this module that t starts have ended with it.
// It is called before anything else that registers a cleanup.
func Check(t testing.TB) {
	t.Helper()
	before := goroutines()
	t.Cleanup(func() {
		if left := await(before); left != "" {
			t.Error(left)
		}
	})
}

// Main runs the tests and returns the status to exit with: that of the tests, or 1 if
// a goroutine of this module is left after them.
func Main(m *testing.M) int {
	status := m.Run()
	if status != 0 {
		return status // a test that has failed may have been in the middle of anything
	}
	if left := await(nil); left != "" {
		fmt.Fprintln(os.Stderr, left)
		return 1
	}
	return 0
}

// await waits until there are no goroutines but those before, and says which are left
// if that takes too long.
func await(before map[string]string) string {
	for wait := time.Millisecond; ; wait *= 2 {
		var left []string
		for id, stack := range goroutines() {
			if _, old := before[id]; !old {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return ""
		}
		if wait > patience {
			return fmt.Sprintf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
		time.Sleep(wait)
	}
}

// goroutines returns the stacks of all goroutines of this module but the caller's, by
// their number.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := make(map[string]string)
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		if strings.Contains(stack, "shmbus/") && !strings.Contains(stack, "leak.goroutines") {
			all[id] = stack
		}
	}
	return all
}
