package housekeeping

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

var update = flag.Bool("update", false, "write what documents quote into them")

// TestDocumentsQuoteTheCode compares what documents show with the code that the
// tests run: the bodies of examples, and the table of the catalogue. With
//
//	go test ./internal/housekeeping -update
//
// the documents are brought up to date.
func TestDocumentsQuoteTheCode(t *testing.T) {
	quote := regexp.MustCompile("(?s)<!-- example (\\w+) -->\n```go\n(.*?)```\n")
	table := regexp.MustCompile(`(?s)<!-- catalogue -->\n.*?\n\n`)
	lanes := regexp.MustCompile(`(?s)<!-- lanes -->\n.*?\n\n`)
	quoted := 0
	for _, rel := range []string{"docs/rvoip.md", "docs/from-infra-common.md"} {
		text := read(t, rel)
		want := quote.ReplaceAllStringFunc(text, func(q string) string {
			quoted++
			name := quote.FindStringSubmatch(q)[1]
			return fmt.Sprintf("<!-- example %s -->\n```go\n%s```\n", name, body(t, name))
		})
		want = table.ReplaceAllString(want, "<!-- catalogue -->\n"+catalogue()+"\n")
		want = lanes.ReplaceAllString(want, "<!-- lanes -->\n"+laneTable()+"\n")
		if *update && want != text {
			require.NoError(t, os.WriteFile(filepath.Join(root(t), rel), []byte(want), 0o644))
			continue
		}
		assert.Equal(t, want, text, "%s: run go test ./internal/housekeeping -update", rel)
	}
	assert.Greater(t, quoted, 8, "too few quotations: is the test looking for the right mark?")
}

// body returns the body of an example of package events, without its output.
func body(t *testing.T, name string) string {
	t.Helper()
	for _, rel := range files(t, "_test.go") {
		if !strings.HasPrefix(rel, "events/example_") {
			continue
		}
		_, rest, ok := strings.Cut(read(t, rel), "\nfunc "+name+"() {\n")
		if !ok {
			continue
		}
		text, _, _ := strings.Cut(rest, "\n}\n")
		text = regexp.MustCompile(`(?s)\n\t// (Unordered output|Output):.*`).ReplaceAllString(text, "")
		return strings.TrimPrefix(strings.ReplaceAll("\n"+text, "\n\t", "\n"), "\n") + "\n"
	}
	require.Fail(t, "no example", "events has no %s", name)
	return ""
}

// catalogue is the table of all types.
func catalogue() string {
	var b strings.Builder
	b.WriteString("| type | in the region | lane | size |\n| --- | --- | --- | --: |\n")
	for _, e := range events.Catalogue() {
		lane := e.Priority.String()
		for _, also := range e.Also {
			lane += ", " + also.String()
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %d |\n", e.Go, e.Name, lane, e.Size)
	}
	return b.String()
}

// laneTable is the table of the lanes of a switch.
func laneTable() string {
	carries := map[bus.Priority]string{
		bus.Critical: "control: what calls, dialogs and media are, and shall do",
		bus.High:     "signalling: SIP messages, transactions, registrations, digits",
		bus.Normal:   "media: packets and frames",
		bus.Low:      "what is measured and logged",
	}
	var b strings.Builder
	b.WriteString("| lane | shards | events each | slot | policy | what it carries |\n| --- | --: | --: | --: | --- | --- |\n")
	g := events.Geometry()
	for p := bus.Critical; p <= bus.Low; p++ {
		l := g.Lane(p)
		fmt.Fprintf(&b, "| %v | %d | %d | %d | %v | %s |\n", p, l.Shards, l.Capacity, l.SlotSize, l.Policy, carries[p])
	}
	return b.String()
}
