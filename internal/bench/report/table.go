package report

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/rvoip/shmbus/internal/bench/runs"
	"github.com/rvoip/shmbus/internal/bench/units"
)

// table is what page and picture show of all cases.
type table struct {
	columns []column
	rows    [][]cell
}

// column has a name in one or two lines.
type column struct {
	head, sub string
	left      bool // text rather than figures
}

type cell struct {
	text, sub string
	wrong     bool // something that must not be
	peer      bool
	strong    bool
}

var columns = []column{
	{head: "workload", left: true},
	{head: "what", left: true},
	{head: "runs"},
	{head: "published/s", sub: "lowest to highest"},
	{head: "delivered/s"},
	{head: "lost"},
	{head: "p50"},
	{head: "p99"},
	{head: "p99.9"},
	{head: "publish"},
	{head: "ratio", sub: "to"},
	{head: "line", sub: "one way"},
	{head: "bare ring", sub: "one way"},
	{head: "bare ring", sub: "per event"},
	{head: "to all", sub: "per event"},
	{head: "futex", sub: "wake"},
	{head: "copy"},
	{head: "atomic"},
	{head: "allocs", sub: "per event"},
	{head: "CPU", sub: "per event"},
}

func tableOf(cs []*runs.Case) table {
	t := table{columns: columns}
	for _, w := range runs.Workloads(cs) {
		name := w
		for _, c := range cs {
			if c.Workload == w {
				row := cells(c)
				row[0].text, name = name, "" // once
				t.rows = append(t.rows, row)
			}
		}
	}
	return t
}

func cells(c *runs.Case) []cell {
	rate := c.Range(func(r *runs.Run) float64 { return r.PublishedPerS })
	spread := ""
	if rate.High > rate.Low {
		spread = units.SI(rate.Low) + " to " + units.SI(rate.High)
	}
	ratio, of := "", ""
	if v := c.Range(func(r *runs.Run) float64 { return r.Ratio }).Median; v > 0 {
		ratio, of = fmt.Sprintf("%.2f", v), ratioOf(c)
	}
	row := []cell{
		{strong: true},
		{text: choose(c.IsStep(), "· ", "") + c.Name(), peer: c.Peer != ""},
		{text: fmt.Sprint(len(c.Runs))},
		{text: some(rate.Median, units.SI), sub: spread},
		{text: some(c.Range(func(r *runs.Run) float64 { return r.DeliveredPerS }).Median, units.SI)},
		lost(c),
	}
	for _, get := range []func(*runs.Run) float64{p50, quantile(2), quantile(3), func(r *runs.Run) float64 { return r.PublishNS }} {
		row = append(row, cell{text: some(c.Range(get).Median, units.NS)})
	}
	row = append(row, cell{text: ratio, sub: of})
	for _, get := range []func(*runs.Run) float64{
		func(r *runs.Run) float64 { return r.Floor.LineNS },
		func(r *runs.Run) float64 { return r.Floor.SPSCNS },
		func(r *runs.Run) float64 { return r.Floor.SPSCEventNS },
		func(r *runs.Run) float64 { return r.Floor.FanEventNS },
		func(r *runs.Run) float64 { return r.Floor.FutexWakeNS },
		func(r *runs.Run) float64 { return r.Floor.CopyNS },
		func(r *runs.Run) float64 { return r.Floor.AtomicNS },
	} {
		row = append(row, cell{text: some(c.Range(get).Median, units.NS)})
	}
	return append(row, cell{text: allocs(c)}, cell{text: some(c.Range((*runs.Run).CPUPerEventNS).Median, units.NS)})
}

func some(v float64, show func(float64) string) string {
	if v == 0 {
		return ""
	}
	return show(v)
}

// floorNames are what ratios are to, in few letters.
var floorNames = map[string]string{
	"line_ns": "line", "futex_wake_ns": "futex wake", "spsc_ns": "bare ring, one way", "spsc_event_ns": "bare ring, event",
	"p50 of the bare futex in the same run": "bare futex", "p99 of its idle run": "its idle run",
}

// ratioOf names what the ratio of a case is to.
func ratioOf(c *runs.Case) string {
	of := c.Median().RatioOf
	if _, floor, ok := strings.Cut(of, " / "); ok {
		of = floor
	}
	if name, ok := floorNames[of]; ok {
		return name
	}
	const most = 24
	if r := []rune(of); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return of
}

// lost sums up what must not be over all runs.
func lost(c *runs.Case) cell {
	if c.IsStep() {
		return cell{} // it counts in its run
	}
	var gone, bad float64
	for _, r := range c.Runs {
		gone += r.Lost
		bad += r.Disordered + r.Corrupt
	}
	out := cell{text: humanize.Comma(int64(gone)), wrong: gone > 0 && c.Config.Policy != "lossy" || bad > 0}
	if bad > 0 {
		out.sub = humanize.Comma(int64(bad)) + " wrong or out of order"
	}
	return out
}

// allocs is the most of any run; empty where nobody counted.
func allocs(c *runs.Case) string {
	most, counted := 0.0, false
	for _, r := range c.Runs {
		if r.AllocsPerEvent != nil {
			most, counted = max(most, *r.AllocsPerEvent), true
		}
	}
	if !counted {
		return ""
	}
	return fmt.Sprintf("%.3f", most)
}
