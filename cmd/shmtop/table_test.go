package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sampleTable() *table {
	return &table{
		columns: []column{
			{title: "NAME", min: 4, grow: 1, max: 20},
			{title: "N", right: true, min: 3},
			{title: "EXTRA", min: 5, drop: 1},
			{title: "MORE", min: 4, drop: 2},
		},
		rows: [][]cell{
			{{text: "a long name"}, {text: "1"}, {text: "x"}, {text: "y"}},
			{{text: "b"}, {text: "1000"}, {text: "x"}, {text: "y"}},
		},
	}
}

func TestTableShowsEverythingWithoutAWidth(t *testing.T) {
	assert.Equal(t, []string{
		"  NAME           N EXTRA MORE",
		"  a long name    1 x     y",
		"  b           1000 x     y",
	}, sampleTable().lines(plainTheme(), 0, 0, 2, -1))
}

func TestTableGivesWayInOrder(t *testing.T) {
	for width, want := range map[int]string{
		40: "▸ a long name             1 x     y", // what is left goes to the name
		29: "▸ a long name    1 x     y",
		24: "▸ a lon…    1 x     y", // first the name shrinks
		22: "▸ a l…    1 x     y",
		21: "▸ a long …    1 x", // then columns leave, their room is the name's
		12: "▸ a lo…    1",
		11: "▸ a l…    1",
	} {
		assert.Equal(t, want, sampleTable().lines(plainTheme(), width, 0, 2, 0)[1], "width %d", width)
	}
}

func TestTableShowsAWindowOfRows(t *testing.T) {
	tab := &table{columns: []column{{title: "I"}}}
	for i := range 10 {
		tab.rows = append(tab.rows, []cell{{text: fmt.Sprint(i)}})
	}
	assert.Equal(t, []string{"  I", "  4", "▸ 5", "  6"}, tab.lines(plainTheme(), 10, 4, 3, 5))
	assert.Equal(t, []string{"  I", "  9"}, tab.lines(plainTheme(), 10, 9, 3, -1))
}

func TestTablesNeverExceedTheirWidth(t *testing.T) {
	f := newSampler(historyWindow).add(switchSnapshot(), t0)
	for _, th := range []*theme{plainTheme(), colorTheme(t)} {
		for name, tab := range map[string]*table{
			"lanes": th.lanesTable(f, true), "subscribers": th.subscribersTable(f),
			"processes": th.processesTable(f), "types": th.typesTable(f),
		} {
			for width := 80; width <= 240; width += 7 {
				for _, line := range tab.lines(th, width, 0, 100, 0) {
					require.LessOrEqual(t, ansi.StringWidth(line), width, "%s: %q", name, line)
				}
			}
		}
	}
}

func TestLanesTableWithShards(t *testing.T) {
	snap := switchSnapshot()
	snap.Lanes[1].Name, snap.Lanes[1].Shard = "critical", 1
	text := strings.Join(plainTheme().lanesTable(newSampler(0).add(snap, t0), false).lines(plainTheme(), 0, 0, 9, -1), "\n")
	assert.Contains(t, text, "critical/0")
	assert.Contains(t, text, "critical/1")
	assert.Contains(t, text, "  low ")
}

func TestScrollKeepsTheCursorInSight(t *testing.T) {
	assert.Equal(t, 0, scroll(0, 2, 10, 3))
	assert.Equal(t, 1, scroll(0, 3, 10, 3))
	assert.Equal(t, 5, scroll(5, 6, 10, 3), "no further than needed")
	assert.Equal(t, 4, scroll(5, 4, 10, 3))
	assert.Equal(t, 7, scroll(9, 9, 10, 3), "no empty rows at the end")
	assert.Equal(t, 0, scroll(4, 0, 1, 3), "rows went away")
	assert.Equal(t, 0, scroll(0, -1, 0, 3))
}
