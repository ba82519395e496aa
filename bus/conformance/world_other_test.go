//go:build !linux

package conformance_test

import "testing"

// openShared has nothing to open: regions need Linux.
var openShared func(t *testing.T, o setup) *world

func playRole() {}
