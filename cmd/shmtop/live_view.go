package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"github.com/rvoip/shmbus/bus"
)

// The screen, from top to bottom: a line about the region, what needs attention,
// the lanes, and below them either every other pane, if all fit, or the one with
// the focus; with the focus on lanes or types, one of them in detail. Keys at the
// bottom.

func (l *live) view(width, height int) []string {
	lines := []string{l.header(width)}
	lines = append(lines, l.notices(width, max(1, height/10))...)
	if l.frame != nil {
		room := height - len(lines) - 1 // the footer
		lanes := l.lanesPane(width, max(3, (room-4)/2))
		lines = append(lines, lanes...)
		lines = append(lines, l.lower(width, room-len(lanes))...)
	} else if l.help {
		lines = append(lines, l.helpPane(width)...)
	}
	return l.th.withFooter(lines, height, l.helpModel, keys, width)
}

func (l *live) header(width int) string {
	th := l.th
	left := th.focus.Render(l.name) + th.dim.Render(" in "+l.dir)
	switch {
	case l.err != nil:
		left += " " + th.bad.Render(th.dot+" "+l.outageState())
	case l.frame != nil:
		left = th.summary(l.frame)
	}
	right := th.dim.Render("every " + l.interval.String())
	if l.paused {
		right = th.warn.Render("paused")
	}
	return spread(left, right, width)
}

// spread puts one text at the left edge and one at the right; the left one yields.
func spread(left, right string, width int) string {
	room := width - ansi.StringWidth(right) - 1
	if room < 0 {
		return ansi.Truncate(left, width, "")
	}
	left = ansi.Truncate(left, room, "")
	return left + strings.Repeat(" ", width-ansi.StringWidth(left)-ansi.StringWidth(right)) + right
}

// notices are the alerts in at most count lines, at least one line.
func (l *live) notices(width, count int) []string {
	th := l.th
	var alerts []alert
	switch {
	case l.err != nil: // what the last frame warned of is history
		alerts = append(alerts, l.outage())
	case l.frame != nil:
		alerts = l.frame.alerts()
	}
	if len(alerts) == 0 {
		text := "nothing to report: every reader moves, nothing is lost"
		if l.frame == nil {
			text = "reading " + th.ellipsis
		}
		return []string{th.dim.Render(text)}
	}
	var lines []string
	for i, a := range alerts {
		more := ""
		if rest := len(alerts) - i - 1; i == count-1 && rest > 0 {
			more = th.head.Render(fmt.Sprintf("(+%d more)", rest))
		}
		room := width
		if more != "" {
			room -= ansi.StringWidth(more) + 1
		}
		line := ansi.Truncate(th.alertLine(a), room, th.ellipsis)
		if more != "" {
			return append(lines, spread(line, more, width))
		}
		lines = append(lines, line)
	}
	return lines
}

// outage says why the region cannot be read, and for how long that has been so.
func (l *live) outage() alert {
	ago, reason := elapsed(l.now.Sub(l.since)), printable(l.err.Error())
	switch {
	case l.frame == nil && missing(l.err):
		return alert{false, fmt.Sprintf("not there yet: waiting for it, %s so far", ago)}
	case l.frame == nil:
		return alert{true, fmt.Sprintf("cannot be read, trying again for %s: %s", ago, reason)}
	case missing(l.err):
		return alert{true, fmt.Sprintf("removed %s ago: this is its last state; waiting for it to come back", ago)}
	}
	return alert{true, fmt.Sprintf("this is its state of %s ago; it cannot be read now: %s", ago, reason)}
}

// outageState is the outage in a word or two.
func (l *live) outageState() string {
	switch {
	case !missing(l.err):
		return stateUnreadable
	case l.frame == nil:
		return "not there"
	}
	return string(bus.StateRemoved)
}

// missing tells whether there is no region, as opposed to one that cannot be read.
func missing(err error) bool {
	return errors.Is(err, errRemoved) || errors.Is(err, fs.ErrNotExist)
}

func (l *live) lanesPane(width, height int) []string {
	t := l.th.lanesTable(l.frame, true)
	return l.pane(paneLanes, t, width, min(height, len(t.rows)+2))
}

// lower fills the screen below the lanes.
func (l *live) lower(width, height int) []string {
	switch {
	case l.help:
		return l.helpPane(width)
	case l.focus == paneLanes:
		return l.laneDetail(width, height)
	case l.focus == paneTypes:
		return l.typeDetail(width, height)
	}
	tables := [panes]*table{
		paneSubscribers: l.th.subscribersTable(l.frame),
		paneProcesses:   l.th.processesTable(l.frame),
		paneTypes:       l.th.typesTable(l.frame),
		paneGroups:      l.th.groupsTable(l.frame),
	}
	heights, ok := l.stack(tables, height)
	if !ok {
		return l.tabbed(tables[l.focus], width, height)
	}
	var lines []string
	for p := paneSubscribers; p < l.shown(); p++ {
		lines = append(lines, l.pane(p, tables[p], width, heights[p])...)
	}
	return lines
}

// stack shares out the height among the panes: the least each needs, then what
// is left to the one with the focus first. It fails if they do not all fit, which
// does not depend on the focus: moving it should not turn the screen over.
func (l *live) stack(tables [panes]*table, height int) (heights [panes]int, ok bool) {
	least := [panes]int{paneSubscribers: 8, paneProcesses: 4, paneTypes: 3, paneGroups: 4} // rows
	spare := height
	want := func(p pane) int { return max(1, len(tables[p].rows)) + 2 }
	for p := paneSubscribers; p < l.shown(); p++ {
		heights[p] = min(want(p), least[p]+2)
		spare -= heights[p]
	}
	if spare < 0 {
		return heights, false
	}
	for _, p := range []pane{l.focus, paneSubscribers, paneGroups, paneProcesses, paneTypes} {
		if p >= l.shown() {
			continue
		}
		more := min(spare, want(p)-heights[p])
		heights[p] += more
		spare -= more
	}
	return heights, true
}

// pane is a titled table in a height that includes its title and header.
func (l *live) pane(p pane, t *table, width, height int) []string {
	return append([]string{l.rule(width, l.label(p), l.position(p, len(t.rows), height-2))},
		l.body(p, t, width, height-1)...)
}

// tabbed is the pane with the focus, under the titles of all that could be there.
func (l *live) tabbed(t *table, width, height int) []string {
	labels := make([]string, 0, panes)
	for p := paneSubscribers; p < l.shown(); p++ {
		labels = append(labels, l.label(p))
	}
	return append([]string{l.rule(width, strings.Join(labels, "   "), l.position(l.focus, len(t.rows), height-2))},
		l.body(l.focus, t, width, height-1)...)
}

func (l *live) body(p pane, t *table, width, height int) []string {
	if len(t.rows) == 0 {
		return []string{strings.Repeat(" ", gutter) + l.th.dim.Render("none")}
	}
	count := max(1, height-1)
	l.offset[p] = scroll(l.offset[p], min(l.cursor[p], len(t.rows)-1), len(t.rows), count)
	selected := -1
	if p == l.focus {
		selected = min(l.cursor[p], len(t.rows)-1)
	}
	return t.lines(l.th, width, l.offset[p], count, selected)
}

// label is a pane's number, name and size.
func (l *live) label(p pane) string {
	style := l.th.head
	if p == l.focus {
		style = l.th.focus
	}
	return l.th.key.Render(fmt.Sprint(int(p)+1)) + " " + style.Render(p.String()) + " " + l.th.dim.Render(fmt.Sprint(l.rows(p)))
}

// position says which rows of a longer table are shown.
func (l *live) position(p pane, rows, count int) string {
	if rows <= count {
		return ""
	}
	first := scroll(l.offset[p], min(l.cursor[p], rows-1), rows, max(1, count))
	text := fmt.Sprintf("%d-%d of %d", first+1, min(first+max(1, count), rows), rows)
	if first > 0 {
		text += " " + l.th.more
	}
	if first+count < rows {
		text += " " + l.th.less
	}
	return l.th.head.Render(text)
}

// rule is a line across the screen with a title in it.
func (l *live) rule(width int, title, right string) string {
	line := func(n int) string { return l.th.dim.Render(strings.Repeat(l.th.rule, max(0, n))) }
	out := line(1) + " " + title + " "
	tail := ""
	if right != "" {
		tail = " " + right + " " + line(1)
	}
	return out + line(width-lipgloss.Width(out)-lipgloss.Width(tail)) + tail
}

// legend explains the words of the tables, in lines that fit 80 columns.
var legend = [][2]string{
	{"DEPTH", "events a reader has yet to read; of a lane, its slowest reader's"},
	{"LOST, MISSED", "events overwritten before a reader came to them"},
	{"FULL", "how often a publisher found a reliable lane full"},
	{"EVICT", "readers that stood still too long and lost hold of a full lane"},
	{"WAKES", "publishes that woke readers; of a reader, returns from sleep"},
	{"PORTS, PINS", "publishers' seats, and events readers may hold in place: used/of"},
	{"GATES", "whether publishers wait for this reader when its lane is full"},
	{"STATE", "idle, reading, asleep are well; stalled should move and does not;"},
	{"", "away is durable without a process, dead has yet to be cleaned up"},
}

func (l *live) helpPane(width int) []string {
	lines := []string{l.rule(width, l.th.focus.Render("Help"), "")}
	m := l.helpModel
	m.Width = width
	for line := range strings.SplitSeq(l.th.arrows(m.FullHelpView(keys.FullHelp())), "\n") {
		lines = append(lines, strings.Repeat(" ", gutter)+line)
	}
	for _, entry := range legend {
		lines = append(lines, strings.Repeat(" ", gutter)+l.th.key.Render(fmt.Sprintf("%-13s", entry[0]))+l.th.head.Render(entry[1]))
	}
	return lines
}
