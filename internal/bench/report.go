package bench

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
	"github.com/dustin/go-humanize"

	"github.com/rvoip/shmbus/internal/bench/stat"
	"github.com/rvoip/shmbus/internal/bench/units"
)

// writeJSON writes an array if asked to, else the one result.
func writeJSON(w io.Writer, rs []*Result, array bool) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if array {
		return enc.Encode(rs)
	}
	return enc.Encode(rs[0])
}

const sparkWidth = 48

// writeTable shows the run with the median figure, and how far runs lay apart.
func writeTable(w io.Writer, rs []*Result) {
	figures := make([]float64, len(rs))
	for i, r := range rs {
		figures[i] = r.figure()
	}
	r := rs[stat.MedianIndex(figures)]
	fmt.Fprintln(w, title(r))
	fmt.Fprintln(w, grid(rows(r)))
	if len(r.points) > 0 {
		fmt.Fprintln(w, grid(r.points))
	}
	if line, from, to := r.latency.Sparkline(sparkWidth); line != "" {
		fmt.Fprintf(w, "%s %s %s\n", ns(float64(from)), line, ns(float64(to)))
	}
	if len(rs) > 1 {
		fmt.Fprintf(w, "median of %d runs; spread %.0f %% of it:", len(rs), 100*stat.Spread(figures))
		for _, f := range figures {
			if r.figureIsLatency {
				fmt.Fprintf(w, " %s", ns(f))
			} else {
				fmt.Fprintf(w, " %s/s", si(f))
			}
		}
		fmt.Fprintln(w)
	}
	m := r.Machine
	fmt.Fprintf(w, "%d CPUs %s, %s, %s\n", m.CPUs, m.Model, m.Kernel, m.Go)
}

func title(r *Result) string {
	c := r.Config
	place := "a process each"
	if c.Local {
		place = "in one process"
	}
	checked := "content checked"
	if !c.Verify {
		checked = "order checked, content not"
	}
	name := r.Workload
	switch {
	case c.Static:
		name += " over a static ring"
	case c.Pack:
		name += " in packs"
	}
	return fmt.Sprintf("%s: %d to %d, %s; %d B, %d per publish, capacity %d, %s, wait %s; %s",
		name, c.Pubs, c.Subs, place, c.Size, c.Batch, c.Capacity, c.Policy, c.Wait, checked)
}

func rows(r *Result) [][]string {
	out := [][]string{
		{"published", humanize.Comma(int64(r.Published)), rate(r.PublishedPerS)},
		{"delivered", humanize.Comma(int64(r.Delivered)), rate(r.DeliveredPerS)},
		{"lost", humanize.Comma(int64(r.Lost)), told(r.Missed)},
		{"out of order / wrong bytes", fmt.Sprintf("%d / %d", r.Disordered, r.Corrupt), ""},
	}
	if l := r.Latency; l != nil {
		out = append(out, []string{"latency p50 / p90", ns(float64(l.P50)) + " / " + ns(float64(l.P90)), ""},
			[]string{"latency p99 / p99.9 / max", ns(float64(l.P99)) + " / " + ns(float64(l.P999)), ns(float64(l.Max))})
	}
	if r.PublishNS > 0 {
		out = append(out, []string{"publish", ns(r.PublishNS), alone(r.PublishAloneNS)})
	}
	out = append(out,
		[]string{"allocations per event", fmt.Sprintf("%.3f", r.AllocsPerEvent), ""},
		[]string{"processor time", fmt.Sprintf("%.2f s", r.CPUSeconds), fmt.Sprintf("in %.2f s", r.Seconds)},
	)
	if m := r.Match; m != nil {
		out = append(out,
			[]string{fmt.Sprintf("filter: 1 in %d", m.Keys), humanize.Comma(int64(m.Received)) + " taken", humanize.Comma(int64(m.Filtered)) + " passed over"},
			[]string{"filter: processor time", fmt.Sprintf("%.2f s", m.CPUSeconds), fmt.Sprintf("%s per event, %.2f of one that takes all (%.2f s)", ns(m.NSPerEvent), m.Ratio, m.CPUSecondsAll)})
	}
	out = append(out, r.details...)
	for _, f := range []struct {
		name        string
		a, b, value float64
	}{
		{"cache line, one way", r.FloorBefore.LineNS, r.FloorAfter.LineNS, r.Floor.LineNS},
		{"bare ring, one way", r.FloorBefore.SPSCNS, r.FloorAfter.SPSCNS, r.Floor.SPSCNS},
		{"bare ring, event in a stream", r.FloorBefore.SPSCEventNS, r.FloorAfter.SPSCEventNS, r.Floor.SPSCEventNS},
		{"bare ring to all, event in a stream", r.FloorBefore.FanEventNS, r.FloorAfter.FanEventNS, r.Floor.FanEventNS},
		{"copy of the bytes", r.FloorBefore.CopyNS, r.FloorAfter.CopyNS, r.Floor.CopyNS},
		{"futex wake, one way", r.FloorBefore.FutexWakeNS, r.FloorAfter.FutexWakeNS, r.Floor.FutexWakeNS},
		{"futex wake, one way, p99", r.FloorBefore.FutexWakeP99NS, r.FloorAfter.FutexWakeP99NS, r.Floor.FutexWakeP99NS},
		{"uncontended atomic", r.FloorBefore.AtomicNS, r.FloorAfter.AtomicNS, r.Floor.AtomicNS},
	} {
		if f.value == 0 {
			continue // not measured
		}
		out = append(out, []string{"floor: " + f.name, ns(f.value), "before " + ns(f.a) + ", after " + ns(f.b)})
	}
	out = append(out, []string{"ratio", fmt.Sprintf("%.2f", r.Ratio), r.RatioOf})
	if r.RatioSPSC > 0 {
		out = append(out, []string{"ratio to the bare ring", fmt.Sprintf("%.2f", r.RatioSPSC), "p50 / spsc_ns, in turn, too"})
	}
	if r.RatioFan > 0 {
		out = append(out, []string{"ratio to the bare ring to all", fmt.Sprintf("%.2f", r.RatioFan), "time per published event / fan_event_ns"})
	}
	if r.RatioP99 > 0 {
		out = append(out, []string{"ratio of p99", fmt.Sprintf("%.2f", r.RatioP99), "to that of the same floor"})
	}
	return out
}

// rate is empty where none was measured.
func rate(perSecond float64) string {
	if perSecond == 0 {
		return ""
	}
	return si(perSecond) + "/s"
}

func told(missed uint64) string {
	if missed == 0 {
		return ""
	}
	return humanize.Comma(int64(missed)) + " told by the bus"
}

func alone(v float64) string {
	if v == 0 {
		return ""
	}
	return ns(v) + " while nobody reads"
}

func grid(rows [][]string) string {
	cell := lipgloss.NewStyle().Padding(0, 1)
	return table.New().Border(lipgloss.RoundedBorder()).Rows(rows...).
		StyleFunc(func(_, col int) lipgloss.Style {
			if col == 1 {
				return cell.Align(lipgloss.Right)
			}
			return cell
		}).String()
}

func ns(v float64) string { return units.NS(v) }
func si(v float64) string { return units.SI(v) }
