package main

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// laneDetail is the selected lane: its numbers in words and its rate over time.
func (l *live) laneDetail(width, height int) []string {
	th, f := l.th, l.frame
	if len(f.Lanes) == 0 {
		return nil
	}
	i := min(l.cursor[paneLanes], len(f.Lanes)-1)
	lane, facts := f.Lanes[i], f.lanes[i]
	name := laneName(f, lane.Name, lane.Shard)
	lines := []string{l.rule(width, th.focus.Render(name), "")}
	fact := func(label, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("%*s%s %s", gutter, "", th.head.Render(fmt.Sprintf("%-9s", label)), fmt.Sprintf(format, args...)))
	}
	fact("ring", "%s, %d x %d B; ports %d/%d, pins %d/%d",
		lane.Policy, lane.Capacity, lane.SlotSize, lane.PortsUsed, lane.Ports, lane.PinsUsed, lane.Pins)
	if facts.holder >= 0 {
		depth := f.Subscribers[facts.holder].Depth
		fact("slowest", "%s: %s unread, %.0f%% of the lane", f.who(facts.holder), count(depth), 100*share(depth, lane.Capacity))
	} else {
		fact("slowest", "every reader has read everything")
	}
	fact("readers", "%s received, %s filtered; publishes woke %s times", count(lane.Delivered), count(lane.Filtered), count(lane.Wakeups))
	fact("trouble", "%s lost (%s/s), %s times full, %s evicted",
		count(lane.Lost), rate(facts.losing), count(lane.Full), count(lane.Evictions))
	return append(lines, l.laneChart(facts.history, min(12, height-len(lines)-1), width)...)
}

// laneChart draws the last minute in a height that excludes its axis of time.
func (l *live) laneChart(h *history, height, width int) []string {
	const labels = 9 // columns for the scale
	n := width - labels - gutter
	if height < 2 || n < 20 {
		return nil
	}
	rates := h.buckets(l.frame.at, n)
	top := roundUp(highest(rates))
	scale := make([]string, height)
	scale[0] = rate(top) + "/s"
	scale[height-1] = "0"
	var lines []string
	for i, row := range l.th.chart(rates, height, top, l.th.line) {
		lines = append(lines, l.th.dim.Render(fmt.Sprintf("%*s ", labels, scale[i]))+row)
	}
	axis := fmt.Sprintf("%s ago", elapsed(historyWindow))
	pad := strings.Repeat(" ", max(0, n-len(axis)-len("now")))
	return append(lines, l.th.dim.Render(strings.Repeat(" ", labels+1)+axis+pad+"now"))
}

// typeDetail is the table of types, and all the fields of the selected one.
func (l *live) typeDetail(width, height int) []string {
	t := l.th.typesTable(l.frame)
	if len(t.rows) == 0 {
		return l.tabbed(t, width, height)
	}
	selected := l.frame.Types[min(l.cursor[paneTypes], len(t.rows)-1)]
	fields := strings.Split(ansi.Wrap(selected.Fields, max(10, width-2*gutter), ""), "\n")
	fields = fields[:min(len(fields), max(1, height/2))]
	lines := l.tabbed(t, width, min(len(t.rows)+2, height-len(fields)-1))
	lines = append(lines, l.rule(width, l.th.focus.Render(selected.Name), ""))
	for _, f := range fields {
		lines = append(lines, strings.Repeat(" ", gutter)+l.th.plain.Render(strings.TrimSpace(f)))
	}
	return lines
}
