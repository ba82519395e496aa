package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// WriteHTML writes the report as one page that refers to nothing outside itself.
func (r *Report) WriteHTML(w io.Writer) error {
	type figure struct {
		Title string
		SVG   template.HTML
	}
	type part struct {
		Name, About string
		Charts      []figure
	}
	type head struct {
		Head, Sub string
		Left      bool
	}
	type data struct {
		Text, Sub         string
		Left, Wrong, Peer bool
	}
	view := struct {
		Title, Reading string
		Facts          [][2]string
		Light, Dark    template.CSS
		Columns        []head
		Rows           [][]data
		Sections       []part
	}{Title: r.title, Reading: reading, Light: scheme(false), Dark: scheme(true)}
	for _, f := range r.facts {
		view.Facts = append(view.Facts, [2]string{f.name, f.text})
	}
	for _, c := range r.table.columns {
		view.Columns = append(view.Columns, head{c.head, c.sub, c.left})
	}
	for _, row := range r.table.rows {
		var ds []data
		for i, c := range row {
			ds = append(ds, data{c.text, c.sub, r.table.columns[i].left, c.wrong, c.peer})
		}
		view.Rows = append(view.Rows, ds)
	}
	for _, s := range r.sections {
		p := part{Name: s.name, About: s.about}
		for _, c := range s.charts {
			drawn, err := c.svg()
			if err != nil {
				return err
			}
			// Everything in it was escaped when it was drawn.
			p.Charts = append(p.Charts, figure{c.title, template.HTML(drawn)})
		}
		view.Sections = append(view.Sections, p)
	}
	// A page that fails in the middle is not begun.
	var b bytes.Buffer
	if err := page.Execute(&b, view); err != nil {
		return fmt.Errorf("fill the page: %w", err)
	}
	_, err := b.WriteTo(w)
	return err
}

// scheme gives the colours their values.
func scheme(dark bool) template.CSS {
	var b bytes.Buffer
	for _, t := range tones() {
		v := t.light
		if dark {
			v = t.dark
		}
		fmt.Fprintf(&b, "--%s: %s; ", t.name, v)
	}
	return template.CSS(b.String())
}
