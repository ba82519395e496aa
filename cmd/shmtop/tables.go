package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"github.com/rvoip/shmbus/bus"
)

// The four tables of a frame. Column widths are fixed where numbers change, so
// that nothing jumps while one looks.

func (th *theme) lanesTable(f *frame, spark bool) *table {
	t := &table{columns: []column{
		{title: "LANE", min: 8},
		{title: "POLICY", min: 8, drop: 3},
		{title: "DEPTH", min: 14, grow: 2, max: 30},
		{title: "EVENTS/S", right: true, min: 8},
		{title: "LAST MINUTE", min: 11, grow: 3, max: 60, drop: 1, hide: !spark},
		{title: "TOTAL", right: true, min: 5},
		{title: "LOST", right: true, min: 5},
		{title: "FULL", right: true, min: 5},
		{title: "EVICT", right: true, min: 5},
		{title: "WAKES", right: true, min: 5, drop: 8},
		{title: "PORTS", right: true, min: 5, drop: 4},
		{title: "PINS", right: true, min: 6, drop: 5},
		{title: "READERS", right: true, min: 7, drop: 6},
		{title: "SIZE", right: true, min: 10, drop: 7},
	}}
	for i := range f.Lanes {
		l, facts := &f.Lanes[i], &f.lanes[i]
		lost := th.plain
		switch {
		case facts.losing > 0:
			lost = th.bad
		case l.Lost > 0:
			lost = th.warn
		}
		t.rows = append(t.rows, []cell{
			{text: laneName(f, l.Name, l.Shard), style: th.title},
			{text: l.Policy, style: th.dim},
			th.depthCell(l.Depth, l.Capacity),
			{text: rate(l.Rate), style: th.nonzero(l.Rate > 0, th.plain)},
			{draw: func(w int) string { return th.sparkline(facts.history.buckets(f.at, w), th.line) }},
			{text: count(l.Published), style: th.nonzero(l.Published > 0, th.plain)},
			{text: count(l.Lost), style: th.nonzero(l.Lost > 0, lost)},
			{text: count(l.Full), style: th.nonzero(l.Full > 0, th.warn)},
			{text: count(l.Evictions), style: th.nonzero(l.Evictions > 0, th.warn)},
			{text: count(l.Wakeups), style: th.nonzero(l.Wakeups > 0, th.plain)},
			{text: fmt.Sprintf("%d/%d", l.PortsUsed, l.Ports), style: th.used(l.PortsUsed, l.Ports)},
			{text: fmt.Sprintf("%d/%d", l.PinsUsed, l.Pins), style: th.used(l.PinsUsed, l.Pins)},
			{text: strconv.Itoa(l.Subscribers), style: th.nonzero(l.Subscribers > 0, th.plain)},
			{text: fmt.Sprintf("%dx%d", l.Capacity, l.SlotSize), style: th.dim},
		})
	}
	return t
}

func (th *theme) subscribersTable(f *frame) *table {
	t := &table{columns: []column{
		{title: "SUBSCRIBER", min: 11, grow: 1, max: 28},
		{title: "PROCESS", min: 8, grow: 1, max: 20, drop: 4},
		{title: "PID", right: true, min: 7, drop: 2},
		{title: "STATE", min: 11},
		{title: "LANE", min: 8},
		{title: "DEPTH", min: 13, grow: 2, max: 30},
		{title: "EVENTS/S", right: true, min: 8},
		{title: "MISSED", right: true, min: 6},
		{title: "GATES", min: 5},
		{title: "DURABLE", min: 7, grow: 1, max: 20, drop: 5},
		{title: "PINS", right: true, min: 4, drop: 3},
		{title: "RECEIVED", right: true, min: 8, drop: 6},
		{title: "FILTERED", right: true, min: 8, drop: 7},
		{title: "TYPES", min: 5, grow: 1, max: 40, drop: 8},
		{title: "EVICT", right: true, min: 5, drop: 9},
		{title: "WAKES", right: true, min: 5, drop: 10},
	}}
	processes := make(map[int]string, len(f.Participants))
	for _, p := range f.Participants {
		processes[p.ID] = p.Name
	}
	capacities := make(map[laneKey]int, len(f.Lanes))
	for _, l := range f.Lanes {
		capacities[laneKey{l.Name, l.Shard}] = l.Capacity
	}
	last := -1
	for i := range f.Subscribers {
		s, facts := &f.Subscribers[i], &f.subs[i]
		name, process, id := th.title, th.plain, strconv.Itoa(s.PID)
		if s.ID == last { // one subscriber, several lanes: name it once
			name, process = th.dim, th.dim
		}
		last = s.ID
		processName := processes[s.Participant]
		if s.Participant < 0 {
			id, processName = "-", ""
		}
		gates := cell{text: "-", style: th.dim}
		if s.Gated {
			gates = cell{text: "yes", style: th.plain}
		}
		t.rows = append(t.rows, []cell{
			{text: subscriberName(s.Name, s.Durable), style: name},
			{text: orDash(processName), style: process},
			{text: id, style: th.dim},
			th.subStateCell(facts),
			{text: laneName(f, s.Lane, s.Shard), style: th.plain},
			th.depthCell(s.Depth, capacities[laneKey{s.Lane, s.Shard}]),
			{text: rate(facts.rate), style: th.nonzero(facts.rate > 0, th.plain)},
			{text: count(s.Missed), style: th.nonzero(s.Missed > 0, th.warn)},
			gates,
			{text: durableText(s), style: th.nonzero(s.Durable != "" || s.Group != "", th.plain)},
			{text: strconv.Itoa(s.Pinned), style: th.nonzero(s.Pinned > 0, th.plain)},
			{text: count(s.Received), style: th.nonzero(s.Received > 0, th.plain)},
			{text: count(s.Filtered), style: th.nonzero(s.Filtered > 0, th.plain)},
			{text: typesText(s), style: th.dim},
			{text: count(s.Evictions), style: th.nonzero(s.Evictions > 0, th.warn)},
			{text: count(s.Wakeups), style: th.nonzero(s.Wakeups > 0, th.plain)},
		})
	}
	return t
}

func (th *theme) processesTable(f *frame) *table {
	t := &table{columns: []column{
		{title: "ID", right: true, min: 3},
		{title: "PROCESS", min: 12, grow: 1, max: 40},
		{title: "PID", right: true, min: 7},
		{title: "STATE", min: 8},
		{title: "PORTS", right: true, min: 5},
		{title: "SUBSCRIBERS", right: true, min: 11},
		{title: "UNREAD", right: true, min: 7},
		{title: "RECEIVES/S", right: true, min: 10},
		{title: "UP", right: true, min: 4, drop: 1},
	}}
	for i, p := range f.Participants {
		facts := f.parts[i]
		state := [...]lipgloss.Style{partAlive: th.ok, partStalled: th.warn, partDead: th.bad}[facts.state]
		t.rows = append(t.rows, []cell{
			{text: strconv.Itoa(p.ID), style: th.dim},
			{text: p.Name, style: th.title},
			{text: strconv.Itoa(p.PID), style: th.plain},
			{text: facts.state.String(), style: state},
			{text: strconv.Itoa(p.Ports), style: th.nonzero(p.Ports > 0, th.plain)},
			{text: strconv.Itoa(p.Subscribers), style: th.nonzero(p.Subscribers > 0, th.plain)},
			{text: count(facts.depth), style: th.nonzero(facts.depth > 0, th.plain)},
			{text: rate(facts.rate), style: th.nonzero(facts.rate > 0, th.plain)},
			{text: since(f.at, p.Since), style: th.dim},
		})
	}
	return t
}

func (th *theme) typesTable(f *frame) *table {
	t := &table{columns: []column{
		{title: "ID", right: true, min: 3},
		{title: "TYPE", min: 12, grow: 1, max: 40},
		{title: "SIZE", right: true, min: 5},
		{title: "READERS", right: true, min: 7, drop: 2},
		{title: "LANES", min: 8, drop: 3},
		{title: "EVENTS/S", right: true, min: 8},
		{title: "TOTAL", right: true, min: 6},
		{title: "RECEIVED", right: true, min: 8, drop: 4},
		{title: "FILTERED", right: true, min: 8, drop: 5},
		{title: "FULL", right: true, min: 5, drop: 6},
		{title: "WAKES", right: true, min: 5, drop: 7},
		{title: "FIELDS", min: 20, grow: 3, drop: 1},
	}}
	for i := range f.Types {
		ty, facts := &f.Types[i], f.types[i]
		t.rows = append(t.rows, []cell{
			{text: strconv.Itoa(ty.ID), style: th.dim},
			{text: ty.Name, style: th.title},
			{text: strconv.Itoa(ty.Size), style: th.plain},
			{text: strconv.Itoa(ty.Subscribers), style: th.nonzero(ty.Subscribers > 0, th.plain)},
			{text: orDash(strings.Join(append([]string{ty.Priority}, ty.Also...), ", ")), style: th.plain},
			{text: rate(facts.rate), style: th.nonzero(facts.rate > 0, th.plain)},
			{text: count(ty.Published), style: th.nonzero(ty.Published > 0, th.plain)},
			{text: count(ty.Delivered), style: th.nonzero(ty.Delivered > 0, th.plain)},
			{text: count(ty.Filtered), style: th.nonzero(ty.Filtered > 0, th.plain)},
			{text: count(ty.Full), style: th.nonzero(ty.Full > 0, th.warn)},
			{text: count(ty.Wakeups), style: th.nonzero(ty.Wakeups > 0, th.plain)},
			{text: ty.Fields, style: th.dim},
		})
	}
	return t
}

// depthCell is a bar of how much of a lane awaits its reader, and the number.
func (th *theme) depthCell(depth uint64, capacity int) cell {
	return cell{draw: func(w int) string {
		const digits = 6
		part := share(depth, capacity)
		style := th.dim
		if depth > 0 {
			style = th.plain
			if part >= 0.8 {
				style = th.fill(part)
			}
		}
		return th.bar(part, w-digits-1) + style.Render(fmt.Sprintf(" %*s", digits, count(depth)))
	}}
}

func (th *theme) subStateCell(facts *subFacts) cell {
	c := cell{text: facts.state.String(), style: th.plain}
	switch facts.state {
	case subIdle, subAsleep:
		c.style = th.dim
	case subReading:
		c.style = th.ok
	case subStalled:
		c.style = th.warn
		c.text += " " + elapsed(facts.still)
	case subAway, subEvicted:
		c.style = th.warn
	case subDead:
		c.style = th.bad
	}
	return c
}

// nonzero dims a zero: what happens should stand out.
func (th *theme) nonzero(yes bool, style lipgloss.Style) lipgloss.Style {
	if yes {
		return style
	}
	return th.dim
}

// used styles a budget that can run out.
func (th *theme) used(used, of int) lipgloss.Style {
	switch {
	case of > 0 && used >= of:
		return th.warn
	case used == 0:
		return th.dim
	}
	return th.plain
}

// laneName leaves the shard out where lanes have but one.
func laneName(f *frame, name string, shard int) string {
	for _, l := range f.Lanes {
		if l.Name == name && l.Shard > 0 {
			return fmt.Sprintf("%s/%d", name, shard)
		}
	}
	return name
}

// subscriberName falls back to the name that a durable subscription never loses.
func subscriberName(name, durable string) string {
	if name == "" {
		return durable
	}
	return name
}

// durableText is the name by which the region knows a subscription while no
// process has it.
func durableText(s *bus.SubscriberInfo) string {
	if s.Group != "" {
		return "group " + s.Group
	}
	return orDash(s.Durable)
}

// typesText is what a subscriber takes.
func typesText(s *bus.SubscriberInfo) string {
	if s.Serves != "" {
		return "serves " + s.Serves
	}
	if s.AllTypes {
		return "all"
	}
	return orDash(strings.Join(s.Types, ", "))
}

// orDash stands in for a text that is not there.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
