//go:build race

package bus_test

// detector tells whether the race detector watches.
const detector = true
