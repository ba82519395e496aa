package shm

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Package unsafe is used in files that say so in their name, and nowhere else.
func TestUnsafeStaysInItsFiles(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	checked := 0
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		checked++
		for _, i := range f.Imports {
			if i.Path.Value == `"unsafe"` {
				assert.True(t, strings.HasSuffix(strings.TrimSuffix(name, "_test.go"), "_unsafe") || strings.HasSuffix(name, "_unsafe.go"), name)
			}
		}
	}
	assert.Greater(t, checked, 10)
}
