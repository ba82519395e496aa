package housekeeping

import (
	"fmt"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/ring"
)

// TestReadmeShowsTheExample compares the program in the README with the example
// that the tests of the bus run: the same text, with another frame around it.
func TestReadmeShowsTheExample(t *testing.T) {
	program := read(t, "bus/example_test.go")
	program = strings.Replace(program, "package bus_test\n", "package main\n", 1)
	program = strings.Replace(program, "func Example() {\n", "func main() {\n", 1)
	program = regexp.MustCompile(`(?m)^\t// Output:.*\n(\t//.*\n)*`).ReplaceAllString(program, "")
	want, err := format.Source([]byte(program))
	require.NoError(t, err)
	require.Contains(t, program, "func main() {", "bus/example_test.go has no Example to show")

	const begin, end = "<!-- example -->\n```go\n", "\n```\n"
	_, rest, ok := strings.Cut(read(t, "README.md"), begin)
	require.True(t, ok, "README.md has no %q", begin)
	shown, _, ok := strings.Cut(rest, end)
	require.True(t, ok, "the program in README.md does not end")
	assert.Equal(t, string(want), shown+"\n", "copy the example of bus/example_test.go into README.md, as func main")
}

// TestLinksLeadSomewhere checks the links between files of the project, and
// those to headings of the same file.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading := regexp.MustCompile(`(?m)^#+ (.+)$`)
	code := regexp.MustCompile("(?s)\n```.*?\n```\n|`[^`\n]*`")
	for _, rel := range files(t, ".md") {
		text := code.ReplaceAllString(read(t, rel), "\n")
		var anchors []string
		for _, m := range heading.FindAllStringSubmatch(text, -1) {
			anchors = append(anchors, anchor(m[1]))
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, fragment, _ := strings.Cut(m[1], "#")
			switch {
			case strings.Contains(to, "://"):
			case to == "":
				assert.True(t, slices.Contains(anchors, fragment), "%s: no heading is called #%s", rel, fragment)
			default:
				_, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(path.Join(path.Dir(rel), to))))
				assert.NoError(t, err, "%s links to %s", rel, to)
			}
		}
	}
}

// anchor is what a heading is called in links.
func anchor(heading string) string {
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	return strings.ReplaceAll(strings.ToLower(dropped.ReplaceAllString(heading, "")), " ", "-")
}

// TestDesignHasTheRightFigures compares the table of lanes in the design with
// the code. (The offsets within follow from the same formula as the sizes.)
func TestDesignHasTheRightFigures(t *testing.T) {
	design := read(t, "docs/design.md")
	geo := bus.DefaultGeometry()
	for p := bus.Critical; p <= bus.Low; p++ {
		l := geo.Lane(p)
		g := ring.Geometry{
			Capacity: l.Capacity, SlotSize: l.SlotSize, Ports: l.Ports, Pins: l.Pins, Batch: l.Batch,
			Readers: geo.Subscribers, Reliable: l.Policy == bus.Reliable,
		}
		begin := fmt.Sprintf("| %v | %d | %d | %v | %d | %d | %d | %d | %d |",
			p, g.Capacity, g.SlotSize, l.Policy, g.Ports, g.Pins, g.Batch, g.Cells(), g.Slots())
		_, rest, ok := strings.Cut(design, begin)
		require.True(t, ok, "docs/design.md has no row that begins with %q", begin)
		row, _, _ := strings.Cut(rest, "\n")
		slots := g.Size() - g.Slots()*g.SlotSize
		assert.True(t, strings.HasSuffix(row, fmt.Sprintf("| %d | %d |", slots, g.Size())),
			"docs/design.md: lane %v has its slots at %d and %d bytes, not %s", p, slots, g.Size(), row)
	}
	assert.Contains(t, design, "│   "+strconv.Itoa(geo.Size())+"  │", "docs/design.md gives another size of the default region")
}
