package housekeeping

import (
	"go/parser"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// imports returns what a Go file imports.
func imports(t *testing.T, rel string) []string {
	t.Helper()
	_, f := parse(t, rel, parser.ImportsOnly)
	var all []string
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// TestUnsafeLivesInFilesOfItsName keeps what the compiler does not check where
// a reviewer finds it: in small files of accessors.
func TestUnsafeLivesInFilesOfItsName(t *testing.T) {
	const most = 60 // lines
	for _, rel := range files(t, ".go") {
		if isTest(rel) {
			continue
		}
		named := strings.HasSuffix(rel, "_unsafe.go")
		uses := false
		for _, p := range imports(t, rel) {
			uses = uses || p == "unsafe"
		}
		assert.Equal(t, named, uses, "%s: unsafe is imported by files named *_unsafe.go, and by no others", rel)
		if named {
			assert.LessOrEqual(t, strings.Count(read(t, rel), "\n"), most, "%s: a file of unsafe accessors stays small", rel)
		}
	}
}

// mayImport says what the packages of the core may import beside the standard
// library. A path that ends in a slash stands for all below it.
var mayImport = map[string][]string{
	"shm":   {"golang.org/x/sys/unix", "github.com/edsrzf/mmap-go"},
	"codec": {},
	"ring":  {module + "/shm", module + "/internal/word", module + "/internal/failpoint", module + "/internal/prefetch"},
	"bus": {module + "/ring", module + "/codec", module + "/shm",
		module + "/internal/word", module + "/internal/failpoint"},
	"events": {module + "/bus", module + "/codec"},
}

// TestImportsPointOneWay checks cmd, examples -> events -> bus -> ring, codec; ring -> shm
// in the sources, so for every operating system at once.
func TestImportsPointOneWay(t *testing.T) {
	for _, rel := range files(t, ".go") {
		if isTest(rel) || !inCore(rel) {
			continue
		}
		for _, p := range imports(t, rel) {
			if standard(p) {
				continue
			}
			assert.Contains(t, mayImport[path.Dir(rel)], p, "%s imports what its package may not", rel)
		}
	}
}

// TestNothingKnowsItsUsers checks that neither the core, tests included, nor
// what it stands on imports a program or an example.
func TestNothingKnowsItsUsers(t *testing.T) {
	for _, rel := range files(t, ".go") {
		if strings.HasPrefix(rel, "cmd/") || strings.HasPrefix(rel, "examples/") {
			continue
		}
		for _, p := range imports(t, rel) {
			assert.False(t, strings.HasPrefix(p, module+"/cmd") || strings.HasPrefix(p, module+"/examples"), "%s imports %s", rel, p)
		}
	}
}

// TestDependencies checks what a program that uses the bus gets with it.
func TestDependencies(t *testing.T) {
	_, err := exec.LookPath("go")
	require.NoError(t, err, "the check needs the go command in the PATH")
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}",
				"./shm", "./ring", "./codec", "./bus", "./events")
			list.Dir = root(t)
			list.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
			out, err := list.Output()
			require.NoError(t, err)
			deps := strings.Fields(string(out))
			require.Contains(t, deps, module+"/bus")
			for _, dep := range deps {
				ok := strings.HasPrefix(dep, module+"/") || strings.HasPrefix(dep, "golang.org/x/sys/") || dep == "github.com/edsrzf/mmap-go"
				assert.True(t, ok, "the core depends on %s", dep)
			}
		})
	}
}

// standard tells whether a package is one of the standard library, whose paths
// alone begin without a domain.
func standard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".")
}
