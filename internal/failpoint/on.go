//go:build failpoint

package failpoint

import "sync/atomic"

// Enabled tells whether this build calls the function given to Set.
const Enabled = true

var hook atomic.Pointer[func(Step)]

// Hit reports that the calling goroutine has reached s.
func Hit(s Step) {
	if f := hook.Load(); f != nil {
		(*f)(s)
	}
}

// Set makes Hit call f from now on; nil turns it off. It is safe for
// concurrent use, and f must be too.
func Set(f func(Step)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}
