package main

import (
	"strings"

	"github.com/charmbracelet/bubbles/help"
	"github.com/charmbracelet/bubbles/key"
)

// keyMap is every key of the live view, with what help says of it.
type keyMap struct {
	quit, help, pause, next, previous, pane key.Binding
	up, down, pageUp, pageDown, home, end   key.Binding
	faster, slower, regions, open           key.Binding
}

var keys = keyMap{
	quit:     bind("q", "quit", "q", "ctrl+c"),
	help:     bind("?", "help", "?", "h"),
	pause:    bind("p", "pause", "p", " "),
	next:     bind("tab", "next pane", "tab", "right", "l"),
	previous: bind("shift+tab", "previous pane", "shift+tab", "left"),
	pane:     bind("1-5", "pane", "1", "2", "3", "4", "5"),
	up:       bind("↑/k", "up", "up", "k"),
	down:     bind("↓/j", "down", "down", "j"),
	pageUp:   bind("pgup", "page up", "pgup", "ctrl+b"),
	pageDown: bind("pgdn", "page down", "pgdown", "ctrl+f"),
	home:     bind("g", "first", "home", "g"),
	end:      bind("G", "last", "end", "G"),
	faster:   bind("+", "faster", "+", "="),
	slower:   bind("-", "slower", "-", "_"),
	regions:  bind("esc", "regions", "esc", "r"),
	open:     bind("enter", "watch", "enter"),
}

func bind(label, does string, on ...string) key.Binding {
	return key.NewBinding(key.WithKeys(on...), key.WithHelp(label, does))
}

// ShortHelp is the footer of the live view, the most needed first: what does not
// fit is cut off.
func (k keyMap) ShortHelp() []key.Binding {
	return []key.Binding{
		k.quit, k.help, bind("tab/1-5", "pane", "tab"), bind("↑↓", "move", "up"),
		k.pause, bind("+/-", "interval", "+"), k.regions,
	}
}

// FullHelp is the table of keys in the help.
func (k keyMap) FullHelp() [][]key.Binding {
	return [][]key.Binding{
		{k.quit, k.help, k.pause, k.regions},
		{k.next, k.previous, k.pane},
		{k.faster, k.slower},
		{k.up, k.down, k.pageUp, k.pageDown},
		{k.home, k.end},
	}
}

// pickKeys is the footer of the choice of regions.
type pickKeys struct{ keyMap }

func (k pickKeys) ShortHelp() []key.Binding {
	return []key.Binding{k.open, bind("↑↓", "move", "up"), k.quit}
}

// arrows draws the labels of keys with the glyphs of the output.
func (th *theme) arrows(help string) string {
	return strings.NewReplacer("↑", th.more, "↓", th.less).Replace(help)
}

func newHelp(th *theme) help.Model {
	m := help.New()
	m.ShortSeparator = " " + th.sep + " "
	m.FullSeparator = "   "
	m.Ellipsis = th.ellipsis
	m.Styles = help.Styles{
		Ellipsis: th.dim,
		ShortKey: th.key, ShortDesc: th.head, ShortSeparator: th.dim,
		FullKey: th.key, FullDesc: th.head, FullSeparator: th.dim,
	}
	return m
}
