package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"github.com/rvoip/shmbus/bus"
)

// groupsTable has a row for each member of each group, and one for the lanes of a
// group that no member has.
func (th *theme) groupsTable(f *frame) *table {
	t := &table{columns: []column{
		{title: "GROUP", min: 8, grow: 1, max: 28},
		{title: "UNREAD", right: true, min: 6},
		{title: "MEMBER", min: 8, grow: 1, max: 28},
		{title: "PID", right: true, min: 7},
		{title: "STATE", min: 8},
		{title: "LANES", right: true, min: 7},
		{title: "WHICH", min: 8, grow: 2, max: 60, drop: 1},
	}}
	for i := range f.Groups {
		g := &f.Groups[i]
		name, unread := cell{text: g.Name, style: th.title}, cell{text: count(g.Depth), style: th.nonzero(g.Depth > 0, th.plain)}
		row := func(cells ...cell) {
			t.rows = append(t.rows, append([]cell{name, unread}, cells...))
			name.style, unread = th.dim, cell{} // once
		}
		for j := range g.Members {
			m := &g.Members[j]
			state, style := memberState(th, m)
			row(cell{text: m.Name, style: th.plain}, cell{text: strconv.Itoa(m.PID), style: th.dim}, cell{text: state, style: style},
				cell{text: fmt.Sprintf("%d/%d", len(m.Lanes), g.Lanes), style: th.nonzero(len(m.Lanes) > 0, th.plain)},
				cell{text: lanesText(m.Lanes), style: th.dim})
		}
		if len(g.Free) > 0 || len(g.Members) == 0 {
			row(cell{text: "nobody", style: th.warn}, cell{text: "-", style: th.dim}, cell{text: "free", style: th.warn},
				cell{text: fmt.Sprintf("%d/%d", len(g.Free), g.Lanes), style: th.warn}, cell{text: lanesText(g.Free), style: th.dim})
		}
	}
	return t
}

// groupRows is how many rows that table has.
func groupRows(f *frame) (n int) {
	for i := range f.Groups {
		g := &f.Groups[i]
		n += len(g.Members)
		if len(g.Free) > 0 || len(g.Members) == 0 {
			n++
		}
	}
	return n
}

func memberState(th *theme, m *bus.MemberInfo) (string, lipgloss.Style) {
	switch {
	case !m.Alive:
		return "dead", th.bad
	case m.Leaving:
		return "leaving", th.warn
	case m.Waiting:
		return "asleep", th.dim
	}
	return "awake", th.ok
}

// lanesText names lanes in few words: normal/0-3,7 high/1.
func lanesText(lanes []bus.LaneID) string {
	lanes = slices.Clone(lanes)
	slices.SortFunc(lanes, func(a, b bus.LaneID) int {
		if a.Priority != b.Priority {
			return int(a.Priority) - int(b.Priority)
		}
		return a.Shard - b.Shard
	})
	var b strings.Builder
	for i := 0; i < len(lanes); {
		last := i
		for last+1 < len(lanes) && lanes[last+1] == (bus.LaneID{Priority: lanes[last].Priority, Shard: lanes[last].Shard + 1}) {
			last++
		}
		switch {
		case i == 0:
			b.WriteString(lanes[i].Priority.String() + "/")
		case lanes[i].Priority != lanes[i-1].Priority:
			b.WriteString(" " + lanes[i].Priority.String() + "/")
		default:
			b.WriteString(",")
		}
		b.WriteString(strconv.Itoa(lanes[i].Shard))
		if last > i {
			fmt.Fprintf(&b, "-%d", lanes[last].Shard)
		}
		i = last + 1
	}
	return orDash(b.String())
}
