package housekeeping

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/rvoip/shmbus"

// core are the packages that programs stand on.
var core = []string{"shm", "ring", "codec", "bus", "events"}

// root returns the directory of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod above the test")
		dir = parent
	}
}

// files returns the paths of the project's files that end in one of suffixes,
// relative to the root and with slashes, without what the build leaves behind.
func files(t *testing.T, suffixes ...string) []string {
	t.Helper()
	top := root(t)
	var found []string
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin", "out", "model/work"}, rel) || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(rel, s) }) {
			found = append(found, rel)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, found, "no files %v: is the test looking in the right place?", suffixes)
	return found
}

// read returns the content of a file of the project.
func read(t *testing.T, rel string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(rel)))
	require.NoError(t, err)
	return string(b)
}

// parse returns the syntax of a Go file of the project.
func parse(t *testing.T, rel string, mode parser.Mode) (*token.FileSet, *ast.File) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, rel, read(t, rel), mode)
	require.NoError(t, err)
	return set, f
}

// isTest tells whether a Go file is one of tests.
func isTest(rel string) bool { return strings.HasSuffix(rel, "_test.go") }

// inCore tells whether a file lies in a package of the core.
func inCore(rel string) bool { return slices.Contains(core, path.Dir(rel)) }
