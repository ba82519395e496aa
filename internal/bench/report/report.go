package report

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rvoip/shmbus/internal/bench/runs"
)

// Report is what runs have to say, ready to be drawn.
type Report struct {
	title    string
	facts    []fact
	table    table
	sections []section
	dpi      int // of the picture, 0 for what suits its length
}

// fact is a line of the header.
type fact struct{ name, text string }

// section is what there is to say of one workload.
type section struct {
	name, about string
	charts      []*chart
}

const reading = "Figures are medians over the runs; whiskers and ranges go from the lowest run to the highest. " +
	"Floors are what the machine itself could do, measured before and after each run; a ratio is to the floor that it names."

// New draws up a report; there must be runs.
func New(rs []*runs.Run) *Report {
	rs = oursFirst(rs)
	cs := runs.Cases(rs)
	r := &Report{title: "shmbus: what was measured", facts: facts(rs, len(cs)), table: tableOf(runs.Cases(runs.WithSteps(rs)))}
	for _, w := range runs.Workloads(cs) {
		r.sections = append(r.sections, sectionOf(w, slices.DeleteFunc(slices.Clone(cs), func(c *runs.Case) bool { return c.Workload != w })))
	}
	return r
}

func oursFirst(rs []*runs.Run) []*runs.Run {
	sorted := slices.Clone(rs)
	slices.SortStableFunc(sorted, func(a, b *runs.Run) int {
		return cmp.Compare(choose(a.Peer == "", 0, 1), choose(b.Peer == "", 0, 1))
	})
	return sorted
}

func choose[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

func facts(rs []*runs.Run, cases int) []fact {
	var machines, versions, files, peers []string
	var first, last time.Time
	for _, r := range rs {
		m := r.Machine
		if m != (runs.Machine{}) {
			machines = insert(machines, machine(m))
		}
		if r.Version != "" {
			versions = insert(versions, r.Version)
		}
		if r.Peer != "" {
			peers = insert(peers, r.Peer)
		}
		files = insert(files, filepath.Base(r.File))
		if r.Time.IsZero() {
			continue
		}
		if first.IsZero() || r.Time.Before(first) {
			first = r.Time
		}
		if r.Time.After(last) {
			last = r.Time
		}
	}
	fs := []fact{{"machine", said(machines)}, {"measured", span(first, last)}, {"version", said(versions)}}
	if len(peers) > 0 {
		fs = append(fs, fact{"beside", strings.Join(peers, "; ")})
	}
	return append(fs, fact{"runs", fmt.Sprintf("%d of %d configurations, from %s", len(rs), cases, strings.Join(files, ", "))})
}

func machine(m runs.Machine) string {
	parts := []string{strings.TrimSpace(fmt.Sprintf("%d CPUs %s", m.CPUs, m.Model)), m.Kernel, m.Go}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func insert(set []string, s string) []string {
	if slices.Contains(set, s) {
		return set
	}
	return append(set, s)
}

func said(set []string) string {
	if len(set) == 0 {
		return "not recorded"
	}
	return strings.Join(set, "; ")
}

// span is when the runs were, to the minute.
func span(first, last time.Time) string {
	const layout = "2006-01-02 15:04"
	switch {
	case first.IsZero():
		return "time not recorded"
	case first.Format(layout) == last.Format(layout):
		return first.UTC().Format(layout) + " UTC"
	}
	return first.UTC().Format(layout) + " to " + last.UTC().Format(layout) + " UTC"
}
