package housekeeping

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testFile returns the file in which a package declares a test, "" if it does not.
func testFile(t *testing.T, dir, name string) string {
	t.Helper()
	for _, rel := range files(t, "_test.go") {
		if path.Dir(rel) == dir && strings.Contains(read(t, rel), "\nfunc "+name+"(") {
			return rel
		}
	}
	return ""
}

// needsFailpoints tells whether a test file is part of the build with failpoints alone.
func needsFailpoints(t *testing.T, rel string) bool {
	t.Helper()
	return strings.HasPrefix(read(t, rel), "//go:build failpoint\n")
}

// TestReliabilityNamesWhatThereIs checks every test, command and promise of
// docs/reliability.md.
func TestReliabilityNamesWhatThereIs(t *testing.T) {
	text := read(t, "docs/reliability.md")
	test := regexp.MustCompile("`([a-z][a-z/]*)\\.((?:Test|Fuzz)\\w+)`")
	named := 0
	for line := range strings.SplitSeq(text, "\n") {
		for _, m := range test.FindAllStringSubmatch(line, -1) {
			named++
			file := testFile(t, m[1], m[2])
			if !assert.NotEmpty(t, file, "docs/reliability.md names %s.%s, which there is not", m[1], m[2]) {
				continue
			}
			if strings.Contains(line, "steps.go` |") || !strings.HasPrefix(line, "|") {
				continue // says so elsewhere
			}
			if needsFailpoints(t, file) {
				assert.Contains(t, line, "*(failpoint)*", "docs/reliability.md does not say that %s needs the failpoints", m[2])
			}
		}
	}
	assert.Greater(t, named, 80, "too few tests: is the check looking for the right form?")

	makefile := read(t, "Makefile")
	for _, m := range regexp.MustCompile("`make ([a-z]+)").FindAllStringSubmatch(text, -1) {
		assert.True(t, regexp.MustCompile(`(?m)^`+m[1]+`:.*## `).MatchString(makefile), "docs/reliability.md names make %s", m[1])
	}

	_, list, ok := strings.Cut(read(t, "README.md"), "\n## Guarantees\n")
	require.True(t, ok)
	list, _, _ = strings.Cut(list, "\n## ")
	promises := regexp.MustCompile(`(?m)^(\d+)\. \*\*`).FindAllStringSubmatch(list, -1)
	assert.GreaterOrEqual(t, len(promises), 9)
	for _, m := range promises {
		assert.Contains(t, text, "\n### "+m[1]+". ", "docs/reliability.md says nothing of guarantee %s", m[1])
	}
}

// TestMutantsSayWhatTheyBreak checks the heads of the seeded bugs, and that each
// promise of the core has some.
func TestMutantsSayWhatTheyBreak(t *testing.T) {
	patches := files(t, ".patch")
	assert.GreaterOrEqual(t, len(patches), 20)
	broken := map[string]int{}
	for _, rel := range patches {
		require.Equal(t, "scripts/mutants", path.Dir(rel))
		head, body, ok := strings.Cut(read(t, rel), "\n--- a/")
		require.True(t, ok, "%s has no head, or changes nothing", rel)
		fields := map[string]string{}
		for line := range strings.SplitSeq(strings.TrimSpace(head), "\n") {
			key, value, ok := strings.Cut(line, ": ")
			require.True(t, ok, "%s: %q", rel, line)
			require.Contains(t, []string{"Breaks", "Promise", "Test", "Tags", "Within"}, key, rel)
			fields[key] = value
		}
		assert.NotEmpty(t, fields["Breaks"], rel)
		broken[fields["Promise"]]++
		dir, name, ok := strings.Cut(strings.TrimPrefix(fields["Test"], "./"), " ")
		require.True(t, ok, "%s: Test is %q, must be a package and a test", rel, fields["Test"])
		name, _, _ = strings.Cut(name, "/")
		if file := testFile(t, dir, name); assert.NotEmpty(t, file, "%s: %s has no %s", rel, dir, name) {
			assert.Equal(t, needsFailpoints(t, file), fields["Tags"] == "failpoint", "%s: the tags that %s is built with", rel, name)
		}
		for _, hunk := range strings.Split(body, "\n@@")[1:] {
			assert.True(t, slices.ContainsFunc(strings.Split(hunk, "\n")[1:], func(line string) bool {
				return strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "--- a/")
			}), "%s: a hunk takes nothing away, and could be put anywhere", rel)
		}
	}
	for _, promise := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		assert.Positive(t, broken[promise], "no seeded bug breaks promise %s", promise)
	}
}
