package main

import (
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/help"
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// picker lets a person choose one of the regions of a directory.
type picker struct {
	th      *theme
	help    help.Model
	dir     string
	regions []region
	err     error
	loaded  bool
	first   bool // take the first region that appears, unless a key was pressed
	cursor  int
	offset  int
	gen     int // of the running refresh; answers to others are stale
}

// pickedMsg says which region to watch.
type pickedMsg struct{ name string }

type regionsMsg struct {
	gen     int
	regions []region
	err     error
}

type refreshMsg struct{ gen int }

func newPicker(th *theme, dir string) *picker {
	return &picker{th: th, help: newHelp(th), dir: dir}
}

// refresh reads the directory now, and from then on every second.
func (p *picker) refresh() tea.Cmd {
	p.gen++
	return p.read()
}

func (p *picker) read() tea.Cmd {
	gen, dir := p.gen, p.dir
	return func() tea.Msg {
		r, err := regions(dir)
		return regionsMsg{gen, r, err}
	}
}

func (p *picker) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case regionsMsg:
		if msg.gen != p.gen {
			return nil
		}
		p.regions, p.err, p.loaded = msg.regions, msg.err, true
		p.move(0)
		if p.first && len(p.regions) > 0 {
			p.first = false
			if name := p.only(); name != "" {
				return p.pick(name)
			}
		}
		return tea.Tick(liveInterval, func(time.Time) tea.Msg { return refreshMsg{msg.gen} })
	case refreshMsg:
		if msg.gen == p.gen {
			return p.read()
		}
	}
	return nil
}

// pick ends the choice.
func (p *picker) pick(name string) tea.Cmd {
	p.gen++ // stop refreshing
	return func() tea.Msg { return pickedMsg{name} }
}

// only is the region that is there, beside its static rings, if it is one.
func (p *picker) only() (name string) {
	for _, r := range p.regions {
		switch {
		case r.Static != "":
		case name != "":
			return ""
		default:
			name = r.Name
		}
	}
	return name
}

func (p *picker) onKey(msg tea.KeyMsg) tea.Cmd {
	p.first = false
	switch {
	case key.Matches(msg, keys.up):
		p.move(-1)
	case key.Matches(msg, keys.down):
		p.move(+1)
	case key.Matches(msg, keys.home):
		p.move(-len(p.regions))
	case key.Matches(msg, keys.end):
		p.move(len(p.regions))
	case key.Matches(msg, keys.open):
		if len(p.regions) > 0 {
			return p.pick(p.regions[p.cursor].Name)
		}
	}
	return nil
}

func (p *picker) move(by int) {
	p.cursor = max(0, min(p.cursor+by, len(p.regions)-1))
}

func (p *picker) view(width, height int) []string {
	th := p.th
	lines := []string{
		th.focus.Render("shmtop") + th.dim.Render(" "+th.sep+" ") + th.plain.Render("regions in "+dirName(p.dir)),
		th.dim.Render(strings.Repeat(th.rule, width)),
	}
	room := max(1, height-len(lines)-2) // a header above, the keys below
	switch {
	case p.err != nil:
		lines = append(lines, th.bad.Render(th.alarm+" "+printable(p.err.Error())))
	case !p.loaded:
		lines = append(lines, th.dim.Render("reading "+th.ellipsis))
	case len(p.regions) == 0:
		lines = append(lines, th.dim.Render("none yet: a region shows up as soon as a process opens one"))
	default:
		t := th.regionsTable(p.regions, time.Now())
		p.offset = scroll(p.offset, p.cursor, len(t.rows), room)
		lines = append(lines, t.lines(th, width, p.offset, room, p.cursor)...)
	}
	return th.withFooter(lines, height, p.help, pickKeys{keys}, width)
}

// scroll returns the first row to show so that the cursor is among the count
// shown, moving no further than needed.
func scroll(offset, cursor, rows, count int) int {
	offset = min(offset, cursor)
	offset = max(offset, cursor-count+1)
	return max(0, min(offset, rows-count))
}

// withFooter pads the lines to the screen's height and puts the keys at the bottom.
func (th *theme) withFooter(lines []string, height int, m help.Model, k help.KeyMap, width int) []string {
	m.Width = width
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	return append(lines[:max(0, height-1)], th.arrows(m.ShortHelpView(k.ShortHelp())))
}
