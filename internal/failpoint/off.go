//go:build !failpoint

package failpoint

// Enabled tells whether this build calls the function given to Set.
const Enabled = false

// Hit does nothing in a normal build and is inlined away.
func Hit(Step) {}

// Set does nothing in a normal build.
func Set(func(Step)) {}
