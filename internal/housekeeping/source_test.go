package housekeeping

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFilesAreShort checks that a file can be read at one sitting.
func TestFilesAreShort(t *testing.T) {
	const most = 500
	for _, rel := range files(t, ".go", ".sh") {
		assert.LessOrEqual(t, strings.Count(read(t, rel), "\n"), most, "%s has more than %d lines: split it by role", rel, most)
	}
}

// TestNothingIsLeftForLater looks for marks of unfinished work.
func TestNothingIsLeftForLater(t *testing.T) {
	mark := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	for _, rel := range files(t, ".go", ".s", ".md", ".sh", ".yml", ".pml", "Makefile", ".ci/run") {
		for i, line := range strings.Split(read(t, rel), "\n") {
			assert.False(t, mark.MatchString(line), "%s:%d: %s", rel, i+1, line)
		}
	}
}

// TestEveryPackageIsDescribed checks that each package says what it is, in the
// core in a file of its own.
func TestEveryPackageIsDescribed(t *testing.T) {
	described := map[string]bool{}
	for _, rel := range files(t, ".go") {
		if isTest(rel) {
			continue
		}
		_, f := parse(t, rel, parser.PackageClauseOnly|parser.ParseComments)
		dir := path.Dir(rel)
		described[dir] = described[dir] || f.Doc != nil
		if inCore(rel) && f.Doc != nil {
			assert.Equal(t, "doc.go", path.Base(rel), "%s: the core's package documentation is in doc.go", rel)
		}
	}
	for dir, ok := range described {
		assert.True(t, ok, "package %s has no documentation", dir)
	}
}

// TestExportedNamesAreDocumented checks every exported name of the core: types,
// functions, methods, constants and variables.
func TestExportedNamesAreDocumented(t *testing.T) {
	seen := 0
	for _, dir := range core {
		set := token.NewFileSet()
		var decls []ast.Decl
		for _, rel := range files(t, ".go") {
			if path.Dir(rel) != dir || isTest(rel) {
				continue
			}
			f, err := parser.ParseFile(set, rel, read(t, rel), parser.ParseComments|parser.SkipObjectResolution)
			require.NoError(t, err)
			decls = append(decls, f.Decls...)
		}
		reach := reachable(decls)
		for _, decl := range decls {
			for _, n := range names(decl, reach) {
				seen++
				assert.True(t, n.documented, "%s: %s has no doc comment", set.Position(n.pos), n.name)
			}
		}
	}
	assert.Greater(t, seen, 100, "too few names: is the test looking in the right place?")
}

// reachable returns the types whose exported methods others can call: the
// exported ones, and those that lie embedded in them.
func reachable(decls []ast.Decl) map[string]bool {
	embeds := map[string][]string{}
	reach := map[string]bool{}
	for _, decl := range decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE {
			continue
		}
		for _, spec := range d.Specs {
			s := spec.(*ast.TypeSpec)
			reach[s.Name.Name] = s.Name.IsExported()
			if st, ok := s.Type.(*ast.StructType); ok {
				for _, f := range st.Fields.List {
					if len(f.Names) == 0 {
						embeds[s.Name.Name] = append(embeds[s.Name.Name], base(f.Type))
					}
				}
			}
		}
	}
	for range embeds { // as often as embedding can be nested
		for outer, inner := range embeds {
			for _, name := range inner {
				reach[name] = reach[name] || reach[outer]
			}
		}
	}
	return reach
}

// base is the name of a type without pointer and type arguments.
func base(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return base(t.X)
	case *ast.IndexExpr:
		return base(t.X)
	case *ast.IndexListExpr:
		return base(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// exported is one exported name.
type exported struct {
	name       string
	pos        token.Pos
	documented bool
}

// names returns the exported names that a declaration makes.
func names(decl ast.Decl, reach map[string]bool) []exported {
	var all []exported
	add := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		if !id.IsExported() {
			return
		}
		n := exported{name: id.Name, pos: id.Pos()}
		for _, d := range docs {
			n.documented = n.documented || strings.TrimSpace(d.Text()) != ""
		}
		all = append(all, n)
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || reach[base(d.Recv.List[0].Type)] && !obvious(d.Name.Name) {
			add(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		// A comment above a group describes its members.
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				add(s.Name, d.Doc, s.Doc)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					add(id, d.Doc, s.Doc, s.Comment)
				}
			}
		}
	}
	return all
}

// obvious tells whether a method is one that the standard library describes.
func obvious(method string) bool {
	return method == "Error" || method == "String" || method == "Unwrap"
}
