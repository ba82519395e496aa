package main

import (
	"slices"
	"time"

	"github.com/charmbracelet/bubbles/help"
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/rvoip/shmbus/bus"
)

// pane is a part of the live view that can have the focus.
type pane int

const (
	paneLanes pane = iota
	paneSubscribers
	paneProcesses
	paneTypes
	paneGroups // only where there are groups
	panes
)

func (p pane) String() string {
	return [...]string{"Lanes", "Subscribers", "Processes", "Types", "Groups"}[p]
}

// historyWindow is what sparklines and the chart of a lane cover.
const historyWindow = time.Minute

// intervals are the steps of the + and - keys.
var intervals = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
}

// live watches one region. Everything runs in bubbletea's update loop except
// the reading itself, of which at most one is under way.
type live struct {
	th        *theme
	helpModel help.Model
	name, dir string
	watcher   *watcher
	sampler   *sampler

	frame   *frame // the last one that could be read; nil before
	err     error  // why the region cannot be read now
	since   time.Time
	now     time.Time // of the last attempt
	reading bool
	gen     int // of the running timer; ticks of others are stale

	interval time.Duration
	paused   bool
	help     bool
	focus    pane
	cursor   [panes]int
	offset   [panes]int
}

type tickMsg struct {
	live *live
	gen  int
}

type readMsg struct {
	live  *live
	snap  bus.Snapshot
	fresh bool
	err   error
	at    time.Time
}

func newLive(th *theme, name, dir string, open opener, interval time.Duration) *live {
	if interval == 0 {
		interval = liveInterval
	}
	return &live{
		th: th, helpModel: newHelp(th), name: printable(name), dir: printable(dir),
		watcher: &watcher{open: open}, sampler: newSampler(historyWindow),
		interval: interval, focus: paneSubscribers,
	}
}

// poll reads the region once, off the update loop.
func (l *live) poll() tea.Cmd {
	if l.reading {
		return nil
	}
	l.reading = true
	return func() tea.Msg {
		snap, fresh, err := l.watcher.poll()
		return readMsg{l, snap, fresh, err, time.Now()}
	}
}

// tick starts the timer anew.
func (l *live) tick() tea.Cmd {
	l.gen++
	gen := l.gen
	return tea.Tick(l.interval, func(time.Time) tea.Msg { return tickMsg{l, gen} })
}

func (l *live) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case readMsg:
		if msg.live != l {
			return nil
		}
		l.reading = false
		l.take(msg)
		if l.paused {
			return nil
		}
		return l.tick()
	case tickMsg:
		if msg.live == l && msg.gen == l.gen && !l.paused {
			return l.poll()
		}
	}
	return nil
}

// take shows what was read. After an error the last frame stays on the screen.
func (l *live) take(msg readMsg) {
	l.now = msg.at
	if msg.fresh {
		l.sampler.reset()
	}
	if msg.err != nil {
		if l.err == nil {
			l.since = msg.at
		}
		l.err = msg.err
		return
	}
	l.err = nil
	l.frame = l.sampler.add(msg.snap, msg.at)
}

func (l *live) onKey(msg tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(msg, keys.help):
		l.help = !l.help
	case key.Matches(msg, keys.regions):
		l.help = false // leaving the region itself is the app's
	case key.Matches(msg, keys.pause):
		l.paused = !l.paused
		if !l.paused {
			return l.poll()
		}
	case key.Matches(msg, keys.faster):
		return l.step(-1)
	case key.Matches(msg, keys.slower):
		return l.step(+1)
	case key.Matches(msg, keys.next):
		l.focus = (l.focus + 1) % l.shown()
	case key.Matches(msg, keys.previous):
		l.focus = (l.focus + l.shown() - 1) % l.shown()
	case key.Matches(msg, keys.pane):
		l.focus = pane(msg.Runes[0] - '1')
	default:
		l.move(msg)
	}
	return nil
}

// step changes the interval to the next one of the list.
func (l *live) step(by int) tea.Cmd {
	// One given with -interval may lie between two steps, or beyond them.
	if last := intervals[len(intervals)-1]; by > 0 && l.interval >= last || by < 0 && l.interval <= intervals[0] {
		return nil
	}
	i, exact := slices.BinarySearch(intervals, l.interval)
	if by < 0 || exact {
		i += by
	}
	l.interval = intervals[i]
	if l.paused || l.reading {
		return nil // the next timer takes it up
	}
	return l.tick()
}

func (l *live) move(msg tea.KeyMsg) {
	const page = 10
	rows := l.rows(l.focus)
	c := &l.cursor[l.focus]
	switch {
	case key.Matches(msg, keys.up):
		*c--
	case key.Matches(msg, keys.down):
		*c++
	case key.Matches(msg, keys.pageUp):
		*c -= page
	case key.Matches(msg, keys.pageDown):
		*c += page
	case key.Matches(msg, keys.home):
		*c = 0
	case key.Matches(msg, keys.end):
		*c = rows - 1
	}
	*c = max(0, min(*c, rows-1))
}

// shown is how many panes there are to look at.
func (l *live) shown() pane {
	if l.rows(paneGroups) == 0 {
		return paneGroups
	}
	return panes
}

// rows is how many rows a pane has.
func (l *live) rows(p pane) int {
	if l.frame == nil {
		return 0
	}
	return [panes]int{
		len(l.frame.Lanes), len(l.frame.Subscribers), len(l.frame.Participants), len(l.frame.Types),
		groupRows(l.frame),
	}[p]
}
