package main

import (
	"fmt"
	"sort"

	"github.com/rvoip/shmbus/bus"
)

// alert is something an operator should know, in one line that says what is
// wrong, who is the cause and what follows.
type alert struct {
	bad  bool // something is or will be lost; otherwise a warning
	text string
}

// alerts looks through a frame, the worst first.
func (f *frame) alerts() []alert {
	var out []alert
	add := func(bad bool, format string, args ...any) {
		out = append(out, alert{bad, fmt.Sprintf(format, args...)})
	}
	switch f.State {
	case bus.StateOpen, "":
	case bus.StateRemoved:
		add(true, "the region was removed from its directory")
	default:
		add(true, "the region is %s: its processes get errors; stop them, remove it and start them again", f.State)
	}
	f.processAlerts(add)
	f.laneAlerts(add)
	f.subscriberAlerts(add)
	sort.SliceStable(out, func(i, j int) bool { return out[i].bad && !out[j].bad })
	return out
}

func (f *frame) subscriberAlerts(add func(bool, string, ...any)) {
	unread := map[int]uint64{} // of subscriptions without a process
	for i, s := range f.Subscribers {
		if f.subs[i].state == subAway {
			unread[s.ID] += s.Depth
		}
	}
	for i, s := range f.Subscribers {
		if s.Evicted && f.subs[i].state != subDead {
			add(true, "%s was evicted from %s: it stood still while the lane was full, and misses events",
				f.who(i), laneName(f, s.Lane, s.Shard))
		}
		if f.subs[i].state == subStalled {
			add(false, "%s has not moved on %s for %s, %s unread: frozen, hung or busy",
				f.who(i), laneName(f, s.Lane, s.Shard), elapsed(f.subs[i].still), count(s.Depth))
		}
		if h := s.Hold; f.subs[i].state == subAway && s.Gated && h != nil && h.Events > 0 && s.Depth >= h.Events {
			add(true, "%s is %s events behind on %s, all that it may hold back: its publishers wait for it",
				f.who(i), count(s.Depth), laneName(f, s.Lane, s.Shard))
		}
		if n := unread[s.ID]; n > 0 {
			add(false, "%s: %s events wait until one takes it up%s", f.who(i), count(n), holding(s.Hold))
			delete(unread, s.ID) // once, not for each of its lanes
		}
	}
}

// holding says for how long no process has had a durable subscription, and what
// becomes of it.
func holding(h *bus.HoldInfo) string {
	if h == nil || h.Away == 0 {
		return ""
	}
	text := ", away for " + elapsed(h.Away)
	if h.Policy == bus.HoldBlock.String() {
		if h.Events > 0 {
			return fmt.Sprintf("%s; publishers will wait for it at %s", text, count(h.Events))
		}
		return text + "; publishers will wait for it when a lane is full"
	}
	if h.Events > 0 {
		text += fmt.Sprintf("; evicted behind %s", count(h.Events))
	}
	if h.For > 0 {
		text += fmt.Sprintf("; evicted from a full lane after %s", h.For)
	}
	return text
}

func (f *frame) processAlerts(add func(bool, string, ...any)) {
	dead, last := 0, 0
	for i := range f.Participants {
		if f.parts[i].state == partDead {
			dead, last = dead+1, i
		}
	}
	switch {
	case dead == 0:
	case dead == len(f.Participants):
		add(true, "no process is alive (%d died): this is what they left; it can be joined again, or removed", dead)
	case dead == 1:
		p := f.Participants[last]
		add(false, "%s (pid %d) died; the others recover its seats", p.Name, p.PID)
	default:
		add(false, "%d processes died; the others recover their seats", dead)
	}
	for _, d := range f.gone {
		add(false, "%s (pid %d) left or died %s ago", d.name, d.pid, elapsed(f.at.Sub(d.at)))
	}
}

func (f *frame) laneAlerts(add func(bool, string, ...any)) {
	for i, l := range f.Lanes {
		name := laneName(f, l.Name, l.Shard)
		if f.lanes[i].losing > 0 {
			add(true, "%s loses %s events/s: a reader is slower than its publishers", name, rate(f.lanes[i].losing))
		}
		holder := f.lanes[i].holder
		if holder < 0 || !f.Subscribers[holder].Gated || share(l.Depth, l.Capacity) < 0.95 {
			continue
		}
		add(true, "%s is full: its publishers wait for %s", name, f.who(holder))
	}
}

// who names a subscriber with its process.
func (f *frame) who(i int) string {
	s := f.Subscribers[i]
	name := subscriberName(s.Name, s.Durable)
	switch {
	case s.Group != "" && s.Participant < 0:
		return fmt.Sprintf("group %s (no member has the lane)", s.Group)
	case s.Group != "":
		return fmt.Sprintf("%s of group %s (pid %d)", name, s.Group, s.PID)
	}
	if s.Participant < 0 {
		return name + " (durable, no process)"
	}
	return fmt.Sprintf("%s (pid %d)", name, s.PID)
}

// alive counts the processes that live.
func (f *frame) alive() int {
	n := 0
	for _, p := range f.Participants {
		if p.Alive {
			n++
		}
	}
	return n
}

// rate is what all lanes publish per second.
func (f *frame) rate() float64 {
	sum := 0.0
	for _, l := range f.Lanes {
		sum += l.Rate
	}
	return sum
}
