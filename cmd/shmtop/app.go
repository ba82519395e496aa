package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// app is the whole screen: either the choice of regions or one of them.
type app struct {
	th            *theme
	o             options
	width, height int
	picker        *picker
	live          *live // nil while choosing
}

func newApp(th *theme, o options) *app {
	a := &app{th: th, o: o, width: 80, height: 24, picker: newPicker(th, o.dir)}
	a.picker.first = o.wait
	if o.name != "" {
		a.live = newLive(th, o.name, dirName(o.dir), inspect(o.dir, o.name), o.interval)
	}
	return a
}

// watchLive runs the live view until it is quit.
func watchLive(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) error {
	a := newApp(newTheme(stdout, o.ascii), o)
	defer a.close()
	if a.live != nil && !o.wait { // a wrong name is told here, not on a screen that waits
		if _, _, err := a.live.watcher.poll(); err != nil {
			return fmt.Errorf("watch region %q in %s: %w ('shmtop ls' lists regions, -wait waits for this one)", o.name, dirName(o.dir), err)
		}
	}
	p := tea.NewProgram(a, tea.WithContext(ctx), tea.WithInput(stdin), tea.WithOutput(stdout), tea.WithAltScreen())
	if _, err := p.Run(); err != nil && !errors.Is(err, tea.ErrInterrupted) && ctx.Err() == nil {
		return fmt.Errorf("live view: %w", err)
	}
	return nil
}

func (a *app) close() {
	if a.live != nil {
		a.live.watcher.close()
	}
}

func (a *app) Init() tea.Cmd {
	if a.live != nil {
		return a.live.poll()
	}
	return a.picker.refresh()
}

func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		return a, nil
	case tea.KeyMsg:
		return a, a.onKeys(msg)
	case pickedMsg:
		a.close()
		a.live = newLive(a.th, msg.name, dirName(a.o.dir), inspect(a.o.dir, msg.name), a.o.interval)
		return a, a.live.poll()
	}
	if a.live != nil {
		return a, a.live.update(msg)
	}
	return a, a.picker.update(msg)
}

// onKeys takes apart what a slow line delivers at once. A paste is not for us.
func (a *app) onKeys(msg tea.KeyMsg) tea.Cmd {
	if msg.Type != tea.KeyRunes || len(msg.Runes) == 1 {
		return a.onKey(msg)
	}
	if msg.Paste {
		return nil
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes {
		cmds = append(cmds, a.onKey(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: msg.Alt}))
	}
	return tea.Batch(cmds...)
}

func (a *app) onKey(msg tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(msg, keys.quit):
		return tea.Quit
	case a.live == nil:
		return a.picker.onKey(msg)
	case key.Matches(msg, keys.regions) && !a.live.help:
		a.close()
		a.live = nil
		return a.picker.refresh()
	}
	return a.live.onKey(msg)
}

// View renders exactly one screen: no line is wider and none is below the edge.
func (a *app) View() string {
	var lines []string
	if a.live != nil {
		lines = a.live.view(a.width, a.height)
	} else {
		lines = a.picker.view(a.width, a.height)
	}
	if len(lines) > a.height {
		lines = lines[:a.height]
	}
	out := make([]byte, 0, a.width*a.height*2)
	for i, line := range lines {
		if i > 0 {
			out = append(out, '\n')
		}
		out = append(out, ansi.Truncate(line, a.width, "")...)
	}
	return string(out)
}
