package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// screen is the app without a terminal: keys and time come from the test.
type screen struct {
	t      *testing.T
	app    *app
	region *fakeRegion
	at     time.Time
}

func newScreen(t *testing.T, th *theme, snap bus.Snapshot, width, height int) *screen {
	r := &fakeRegion{there: true, snap: snap}
	a := newApp(th, options{dir: t.TempDir()})
	a.live = newLive(th, "voip", "/dev/shm", r.open, time.Second)
	s := &screen{t: t, app: a, region: r, at: t0}
	s.app.Update(tea.WindowSizeMsg{Width: width, Height: height})
	s.read()
	return s
}

// read is one turn of the timer, a second later.
func (s *screen) read() {
	s.t.Helper()
	cmd := s.app.live.poll()
	require.NotNil(s.t, cmd)
	msg := cmd().(readMsg)
	msg.at = s.at
	s.app.Update(msg)
	s.at = s.at.Add(time.Second)
}

func (s *screen) press(names ...string) tea.Cmd {
	var cmd tea.Cmd
	for _, name := range names {
		_, cmd = s.app.Update(keyMsg(name))
	}
	return cmd
}

func keyMsg(name string) tea.KeyMsg {
	for k, n := range map[tea.KeyType]string{
		tea.KeyTab: "tab", tea.KeyShiftTab: "shift+tab", tea.KeyUp: "up", tea.KeyDown: "down", tea.KeyEnd: "end",
		tea.KeyHome: "home", tea.KeyPgDown: "pgdown", tea.KeyEsc: "esc", tea.KeyEnter: "enter", tea.KeyCtrlC: "ctrl+c",
	} {
		if n == name {
			return tea.KeyMsg{Type: k}
		}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

func (s *screen) lines() []string {
	return strings.Split(ansi.Strip(s.app.View()), "\n")
}

func (s *screen) text() string { return strings.Join(s.lines(), "\n") }

func TestLiveViewOnASmallTerminal(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	for range 4 {
		s.read()
	}
	lines := s.lines()
	require.Len(t, lines, 24)
	assert.Regexp(t, `^voip ● open · 47\.0 MiB · 4 of 5 processes alive · 0 events/s +every 1s$`, lines[0])
	assert.Equal(t, "▲ high is full: its publishers wait for mediad (pid 4242)", lines[1])
	assert.Contains(t, lines[2], "(+4 more)")
	assert.Contains(t, lines[3], "1 Lanes 4")
	assert.Regexp(t, `^  LANE +POLICY +DEPTH +EVENTS/S LAST MINUTE TOTAL +LOST +FULL EVICT$`, lines[4])
	assert.Regexp(t, `^  high +reliable ━+  2,048`, lines[6])
	assert.Contains(t, lines[9], "2 Subscribers 6   3 Processes 5   4 Types 2", "no room for all: one at a time")
	assert.Regexp(t, `^▸ mediad +4242 asleep +critical`, lines[11])
	assert.Regexp(t, `^  mediad +4242 stalled 4s +high`, lines[12])
	assert.Regexp(t, `^  billing +- away `, lines[14])
	assert.Regexp(t, `^  recorder +4199 dead `, lines[16])
	assert.Contains(t, lines[23], "q quit")
}

func TestLiveViewOnALargeTerminalShowsEverything(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 140, 40)
	text := s.text()
	for _, want := range []string{"1 Lanes 4", "2 Subscribers 6", "3 Processes 5", "4 Types 2", "recorder", "call u64, state u8", "3/16", "256/256", "2048x1024"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, " of 6", "nothing is cut off")
}

func TestKeysMoveTheFocus(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	s.press("tab")
	assert.Contains(t, s.text(), "RECEIVES/S")
	s.press("tab")
	assert.Contains(t, s.text(), "FIELDS")
	s.press("down")
	assert.Regexp(t, `─ voip\.rtp ─+\n +ssrc u32, seq u16\n`, s.text(), "all fields of the selected type")
	s.press("tab")
	assert.Contains(t, s.text(), "1m ago", "a lane in detail")
	assert.Contains(t, s.text(), "slowest   billing (durable, no process): 120 unread, 6% of the lane")
	s.press("down", "down", "down", "down", "down")
	assert.Contains(t, s.text(), "slowest   quality (pid 4250): 16.4k unread, 100% of the lane")
	s.press("shift+tab")
	assert.Equal(t, paneTypes, s.app.live.focus)
	for i, p := range []pane{paneLanes, paneSubscribers, paneProcesses, paneTypes, paneGroups} {
		s.press(fmt.Sprint(i + 1))
		assert.Equal(t, p, s.app.live.focus)
	}
}

func TestKeysScrollLongTables(t *testing.T) {
	snap := switchSnapshot()
	snap.Subscribers = nil
	for i := range 100 {
		snap.Subscribers = append(snap.Subscribers, bus.SubscriberInfo{ID: i, Name: fmt.Sprintf("sub-%02d", i), Alive: true, PID: 1, Lane: "low"})
	}
	s := newScreen(t, plainTheme(), snap, 80, 24)
	assert.Contains(t, s.text(), "1-13 of 100 ↓")
	s.press("end")
	assert.Contains(t, s.text(), "88-100 of 100 ↑ ─")
	assert.Contains(t, s.text(), "▸ sub-99")
	s.press("up")
	assert.Contains(t, s.text(), "▸ sub-98")
	assert.Contains(t, s.text(), "88-100 of 100")
	s.press("home", "pgdown", "j", "k")
	assert.Contains(t, s.text(), "▸ sub-10")

	snap.Subscribers = snap.Subscribers[:3] // they leave while one looks at the end
	s.press("end")
	s.region.set(true, snap)
	s.read()
	assert.Contains(t, s.text(), "▸ sub-02")
}

func TestPauseStopsReadingAndGoesOn(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	gen := s.app.live.gen
	assert.Nil(t, s.press("p"))
	assert.Contains(t, s.lines()[0], "paused")
	_, cmd := s.app.Update(tickMsg{s.app.live, gen})
	assert.Nil(t, cmd, "a timer that was under way reads nothing")

	cmd = s.press("p")
	require.NotNil(t, cmd)
	assert.IsType(t, readMsg{}, cmd(), "reads at once")
	assert.Nil(t, s.press("p", "p"), "one read at a time")
}

func TestTimerReadsAndStaleOnesDoNot(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	_, cmd := s.app.Update(tickMsg{s.app.live, s.app.live.gen - 1})
	assert.Nil(t, cmd)
	_, cmd = s.app.Update(tickMsg{&live{}, s.app.live.gen})
	assert.Nil(t, cmd, "of a region that is no longer watched")
	_, cmd = s.app.Update(tickMsg{s.app.live, s.app.live.gen})
	require.NotNil(t, cmd)
	assert.IsType(t, readMsg{}, cmd())
}

func TestIntervalSteps(t *testing.T) {
	l := newLive(plainTheme(), "x", "", nil, 0)
	assert.Equal(t, time.Second, l.interval)
	for _, c := range []struct {
		from time.Duration
		by   int
		want time.Duration
	}{
		{time.Second, -1, 500 * time.Millisecond},
		{time.Second, +1, 2 * time.Second},
		{700 * time.Millisecond, -1, 500 * time.Millisecond},
		{700 * time.Millisecond, +1, time.Second},
		{10 * time.Second, +1, 10 * time.Second},
		{time.Minute, +1, time.Minute},
		{time.Minute, -1, 10 * time.Second},
		{100 * time.Millisecond, -1, 100 * time.Millisecond},
		{20 * time.Millisecond, -1, 20 * time.Millisecond},
		{20 * time.Millisecond, +1, 100 * time.Millisecond},
	} {
		l.interval = c.from
		l.step(c.by)
		assert.Equal(t, c.want, l.interval, "%v %+d", c.from, c.by)
	}
}

func TestRegionRemovedWhileWatching(t *testing.T) {
	snap := switchSnapshot()
	s := newScreen(t, plainTheme(), snap, 80, 24)
	s.region.set(false, snap)
	s.read()
	assert.Contains(t, s.lines()[0], "● removed")
	s.read()
	s.read()
	assert.Equal(t, "▲ removed 2s ago: this is its last state; waiting for it to come back", s.lines()[1])
	assert.Contains(t, s.text(), "mediad", "the last state stays")

	snap.Lanes[0].Published = 5 // another region under the same name
	s.region.set(true, snap)
	s.read()
	assert.Contains(t, s.lines()[0], "● open")
	snap.Lanes[0].Published = 12
	s.region.set(true, snap)
	s.read()
	assert.Contains(t, s.lines()[0], "7.0 events/s")
}

func TestRegionNotThereYet(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	s.region.set(false, bus.Snapshot{})
	s.app.live = newLive(plainTheme(), "voip", "/dev/shm", s.region.open, 0)
	assert.Contains(t, s.text(), "reading …")
	s.read()
	s.read()
	assert.Contains(t, s.lines()[0], "voip in /dev/shm ● not there")
	assert.Equal(t, "▲ not there yet: waiting for it, 1s so far", s.lines()[1])
	s.press("?")
	assert.Contains(t, s.text(), "GATES")
}

func TestRegionThatCannotBeRead(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	broken := errors.New("wrong\x1b version")
	l := s.app.live
	s.app.Update(readMsg{live: l, err: broken, at: s.at})
	s.app.Update(readMsg{live: l, err: broken, at: s.at.Add(time.Minute)})
	assert.Contains(t, s.lines()[0], "● unreadable")
	assert.Equal(t, "▲ this is its state of 1m ago; it cannot be read now: wrong\ufffd version", s.lines()[1])

	s.app.live = newLive(plainTheme(), "voip", "/dev/shm", s.region.open, 0)
	s.app.Update(readMsg{live: s.app.live, err: broken, at: s.at})
	assert.Equal(t, "▲ cannot be read, trying again for 0s: wrong\ufffd version", s.lines()[1])
}

func TestHelpExplains(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	s.press("?")
	text := s.text()
	for _, entry := range legend {
		assert.LessOrEqual(t, len(entry[1]), 65, "fits 80 columns")
		assert.Contains(t, text, entry[1])
	}
	assert.Contains(t, text, "slower")
	s.press("esc")
	assert.NotContains(t, s.text(), "slower")
	require.NotNil(t, s.app.live, "the first esc closes the help")
}

func TestASCIIMeansASCII(t *testing.T) {
	s := newScreen(t, newTheme(&strings.Builder{}, true), switchSnapshot(), 140, 40)
	for _, k := range []string{"1", "2", "3", "4", "?", "?", "p", "esc"} {
		s.press(k)
		text := s.text()
		assert.Equal(t, -1, strings.IndexFunc(text, func(r rune) bool { return r > 0x7e }), "after %s: %s", k, text)
	}
}

func TestQuit(t *testing.T) {
	for _, k := range []string{"q", "ctrl+c"} {
		s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
		cmd := s.press(k)
		require.NotNil(t, cmd)
		assert.IsType(t, tea.QuitMsg{}, cmd())
	}
}

func TestPickerChoosesARegion(t *testing.T) {
	s := newScreen(t, plainTheme(), switchSnapshot(), 80, 24)
	cmd := s.press("esc")
	require.NotNil(t, cmd)
	require.Nil(t, s.app.live)
	assert.Equal(t, s.region.opened, s.region.closed)
	assert.Contains(t, s.text(), "reading …")
	s.app.Update(regionsMsg{gen: s.app.picker.gen})
	assert.Contains(t, s.text(), "none yet")
	s.app.Update(regionsMsg{gen: s.app.picker.gen, regions: []region{
		{Name: "lab", State: bus.StateOpen}, {Name: "voip", State: bus.StateOpen, Processes: 2, Alive: 1}, {Name: "old", State: stateUnreadable, Error: "wrong\x1b version"},
	}})
	text := s.text()
	assert.Contains(t, text, "▸ lab")
	assert.Contains(t, text, "wrong\ufffd version")
	s.press("down", "down", "down", "down", "up")
	cmd = s.press("enter")
	require.NotNil(t, cmd)
	assert.Equal(t, pickedMsg{"voip"}, cmd())
	_, cmd = s.app.Update(refreshMsg{s.app.picker.gen - 1})
	assert.Nil(t, cmd, "it no longer refreshes")
}

// With -wait the first region to appear is shown, unless there are several or
// somebody has begun to choose.
func TestPickerWaitsForARegion(t *testing.T) {
	one := []region{{Name: "voip"}, {Name: "voip/rtp", Static: "rtp"}}
	two := append([]region{{Name: "lab"}}, one...)
	appear := func(p *picker, r []region) tea.Msg {
		gen := p.gen
		if cmd := p.update(regionsMsg{gen: gen, regions: r}); p.gen != gen {
			return cmd()
		}
		return nil
	}
	waiting := func() *picker {
		p := newPicker(plainTheme(), "")
		p.first = true
		assert.Nil(t, appear(p, nil))
		return p
	}
	assert.Equal(t, pickedMsg{"voip"}, appear(waiting(), one))
	p := waiting()
	assert.Nil(t, appear(p, two))
	assert.Nil(t, appear(p, one), "it is being chosen from")
	p = waiting()
	p.onKey(keyMsg("down"))
	assert.Nil(t, appear(p, one))
	assert.Nil(t, appear(newPicker(plainTheme(), ""), one), "not without -wait")
}

// Whatever the size, the keys and the contents: the screen is never exceeded, and
// no byte of a name reaches the terminal as a command.
func TestScreenIsNeverExceeded(t *testing.T) {
	hostile := switchSnapshot()
	for i := range 40 {
		hostile.Lanes = append(hostile.Lanes, bus.LaneInfo{Name: "\x1b[2J漢字" + strings.Repeat("x", i*5), Shard: i, Policy: "\r\n", Capacity: -1, Depth: 1 << 63, Published: 1 << 63})
		hostile.Subscribers = append(hostile.Subscribers, bus.SubscriberInfo{ID: -i, Name: strings.Repeat("\u0301\u200d👩", i), PID: -1 << 62, Lane: "?", Cursor: 1 << 63, Missed: 1<<64 - 1})
		hostile.Participants = append(hostile.Participants, bus.ParticipantInfo{ID: i % 3, Name: "\x9b31m", Ports: -1 << 62})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	pressed := []string{"1", "2", "3", "4", "tab", "down", "up", "end", "home", "pgdown", "?", "p", "p", "+", "-"}
	for name, snap := range map[string]bus.Snapshot{"switch": switchSnapshot(), "hostile": hostile, "empty": {}} {
		for _, th := range []*theme{plainTheme(), colorTheme(t), newTheme(&strings.Builder{}, true)} {
			s := newScreen(t, th, snap, 80, 24)
			for range 60 {
				w, h := 1+rng.IntN(200), 1+rng.IntN(60)
				s.app.Update(tea.WindowSizeMsg{Width: w, Height: h})
				s.press(pressed[rng.IntN(len(pressed))])
				view := s.app.View()
				lines := strings.Split(view, "\n")
				require.LessOrEqual(t, len(lines), h, "%s at %dx%d", name, w, h)
				for _, line := range lines {
					require.LessOrEqual(t, ansi.StringWidth(line), w, "%s at %dx%d: %q", name, w, h, line)
					require.NotContains(t, ansi.Strip(line), "\x1b")
				}
				require.NotContains(t, view, "\x1b[2J")
				require.NotContains(t, view, "\u009b")
			}
		}
	}
}
