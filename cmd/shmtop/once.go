package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// once prints one snapshot. Rates need two reads, an interval apart.
func once(ctx context.Context, o options, stdout io.Writer) error {
	w := &watcher{open: inspect(o.dir, o.name)}
	defer w.close()
	if o.interval == 0 {
		o.interval = onceInterval
	}
	f, err := readTwice(ctx, w, o)
	if err != nil {
		return fmt.Errorf("read region %q in %s: %w", o.name, dirName(o.dir), err)
	}
	if o.json {
		for i := range f.Lanes {
			if math.IsNaN(f.Lanes[i].Rate) {
				f.Lanes[i].Rate = 0 // JSON has no word for it
			}
		}
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(f.Snapshot)
	}
	_, err = io.WriteString(stdout, newTheme(stdout, o.ascii).report(f, terminalWidth(stdout)))
	return err
}

func readTwice(ctx context.Context, w *watcher, o options) (*frame, error) {
	s := newSampler(0)
	var f *frame
	for reads := 0; reads < 2; {
		snap, fresh, err := w.poll()
		switch {
		case err == nil && fresh && reads > 0, err != nil && !o.wait:
			if err == nil {
				err = errRemoved
			}
			return nil, err
		case err == nil:
			f = s.add(snap, time.Now())
			reads++
		}
		if reads == 2 {
			break
		}
		select {
		case <-time.After(o.interval):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return f, nil
}

// section is a table of the report.
type section struct {
	title, none string
	table       *table
}

// report is a frame as text with all rows, and all columns unless there is a width
// to keep within.
func (th *theme) report(f *frame, width int) string {
	var b strings.Builder
	b.WriteString(th.summary(f) + "\n")
	for _, a := range f.alerts() {
		b.WriteString(th.alertLine(a) + "\n")
	}
	sections := []section{
		{"Lanes", "none", th.lanesTable(f, false)},
		{"Subscribers", "none", th.subscribersTable(f)},
		{"Processes", "none attached", th.processesTable(f)},
		{"Types", "none registered", th.typesTable(f)},
	}
	if len(f.Groups) > 0 {
		sections = append(sections, section{"Groups", "none", th.groupsTable(f)})
	}
	for _, s := range sections {
		fmt.Fprintf(&b, "\n%s\n", th.title.Render(s.title))
		if len(s.table.rows) == 0 {
			b.WriteString(strings.Repeat(" ", gutter) + s.none + "\n")
			continue
		}
		for _, line := range s.table.lines(th, width, 0, len(s.table.rows), -1) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// summary is a region in one line.
func (th *theme) summary(f *frame) string {
	state := th.ok
	if f.State != bus.StateOpen {
		state = th.bad
	}
	sep := th.dim.Render(" " + th.sep + " ")
	processes := th.plain
	if f.alive() < len(f.Participants) {
		processes = th.warn
	}
	return strings.Join([]string{
		th.focus.Render(f.Region) + " " + state.Render(th.dot+" "+string(f.State)),
		th.plain.Render(bytesize(f.Size)),
		processes.Render(aliveText(f.alive(), len(f.Participants))),
		th.plain.Render(rate(f.rate()) + " events/s"),
	}, sep)
}

func (th *theme) alertLine(a alert) string {
	style := th.warn
	if a.bad {
		style = th.bad
	}
	return style.Render(th.alarm + " " + a.text)
}

func aliveText(alive, all int) string {
	if alive == all {
		return plural(all, "process")
	}
	return fmt.Sprintf("%d of %s alive", alive, plural(all, "process"))
}
