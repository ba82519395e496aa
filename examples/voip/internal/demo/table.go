package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/mediad"
)

// print shows the result.
func (r *result) print(out io.Writer) {
	style := lipgloss.NewRenderer(out)
	show := func(title string, head []string, rows ...[]string) {
		fmt.Fprintf(out, "\n%s\n%s\n", style.NewStyle().Bold(true).Render(title), grid(style, head, rows))
	}
	show(fmt.Sprintf("Calls (%s, %.1f s)", r.client, r.took.Seconds()),
		[]string{"", "offered", "answered", "ended", "failed"},
		row("caller", r.caller.Offered, r.caller.Answered, r.caller.Ended, r.caller.Failed),
		row("sipd", r.sipd.Offered, r.sipd.Answered, r.sipd.Ended, r.sipd.Failed+r.sipd.Cancelled),
	)
	messages := r.sipd.MessagesIn + r.sipd.MessagesOut
	show("Events, from process to process", []string{"", "from the wire", "published", "received by mediad", "lost"},
		row("call states", "–", r.sipd.States, r.mediad.States, lost(r.sipd.States, r.mediad.States)),
		row("SIP messages", fmt.Sprintf("%d in, %d out", r.sipd.MessagesIn, r.sipd.MessagesOut), messages, r.mediad.Messages,
			lost(messages, r.mediad.Messages)),
		row("RTP packets", r.rtpd.Received, r.rtpd.Published, r.mediad.Packets, lost(r.rtpd.Published, r.mediad.Packets)),
	)
	show(fmt.Sprintf("Audio of %d streams, decoded by mediad", len(r.streams)),
		[]string{"", "least", "median", "greatest", "sent"},
		r.spreadRow("level, dBm0", 2, fmt.Sprintf("%.2f", r.options.Level),
			func(s events.StreamReport) float64 { return float64(s.Level) }),
		r.spreadRow("packets", 0, fmt.Sprint(r.options.packets()/r.options.Calls),
			func(s events.StreamReport) float64 { return float64(s.Packets) }),
		r.spreadRow("lost before us", 0, "", func(s events.StreamReport) float64 { return float64(s.Lost) }),
		r.spreadRow("jitter, ms (RFC 3550)", 3, "", func(s events.StreamReport) float64 { return float64(s.Jitter) }),
	)
	show("Lanes, and the time from publish to receive",
		[]string{"", "events", "p50", "p90", "p99", "p99.9", "max", "deepest", "of", "lost"}, r.laneRows()...)
	r.printNotes(out)

	problems := r.problems()
	if len(problems) == 0 {
		good := style.NewStyle().Bold(true).Foreground(lipgloss.Color("2"))
		fmt.Fprintf(out, "\n%s\n", good.Render(fmt.Sprintf("All %d calls went through, nothing was lost.", r.options.Calls)))
		return
	}
	bad := style.NewStyle().Bold(true).Foreground(lipgloss.Color("1"))
	fmt.Fprintf(out, "\n%s\n", bad.Render("This does not add up:"))
	for _, p := range problems {
		fmt.Fprintf(out, "  %s\n", p)
	}
}

func (r *result) printNotes(out io.Writer) {
	fmt.Fprintln(out, "Received by mediad; * by the demo, which follows what mediad finds.")
	fmt.Fprintln(out)
	for _, k := range r.kills {
		fmt.Fprintf(out, "mediad (pid %d) was killed with SIGKILL and started again (pid %d) after %.1f s. "+
			"Meanwhile %d call states,\n%d SIP messages and %d packets waited in the ring, up to %.1f s; they count, but not in the times above.\n",
			k.Before, k.After, k.Dead.Seconds(), r.mediad.Held[bus.Critical.String()], r.mediad.Held[bus.High.String()],
			r.mediad.Held[bus.Normal.String()], r.mediad.HeldMax.Seconds())
	}
	fmt.Fprintf(out, "%d of %d packets were read by the kernel straight into the ring, the others in batches, as they waited behind one.\n",
		r.rtpd.InPlace, r.rtpd.Published)
	gaps, sum := r.notReceived()
	fmt.Fprintf(out, "Lost before the bus, between the caller and rtpd's sockets: %d packets (%d by their sequence numbers).\n", sum, gaps)
	for _, n := range r.notes {
		fmt.Fprintln(out, "note: "+n)
	}
}

func (r *result) laneRows() (rows [][]string) {
	for _, l := range r.lanes {
		q, ok := r.mediad.Latency[l.Name]
		name := l.Name
		if l.Name == bus.Low.String() {
			q, ok = r.low, r.low.Count > 0
			name += " *"
		}
		times := []string{"", "", "", "", ""}
		if ok {
			times = quantiles(q)
		}
		rows = append(rows, append(append(row(name, l.Published), times...),
			fmt.Sprint(r.peaks[l.Name]), fmt.Sprint(l.Capacity), fmt.Sprint(l.Lost)))
	}
	return rows
}

func quantiles(q mediad.Quantiles) []string {
	return []string{took(q.P50), took(q.P90), took(q.P99), took(q.P999), took(q.Max)}
}

// took shows nanoseconds with three digits.
func took(ns int64) string {
	switch {
	case ns < 1e6:
		return fmt.Sprintf("%.3g µs", float64(ns)/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.3g ms", float64(ns)/1e6)
	}
	return fmt.Sprintf("%.3g s", float64(ns)/float64(time.Second))
}

func (r *result) spreadRow(name string, digits int, sent string, of func(events.StreamReport) float64) []string {
	low, median, high := r.spread(of)
	cells := []string{name}
	for _, v := range []float64{low, median, high} {
		cells = append(cells, strconv.FormatFloat(v, 'f', digits, 64))
	}
	return append(cells, sent)
}

func lost(published, received uint64) int64 { return int64(published) - int64(received) }

func row(cells ...any) []string {
	s := make([]string, len(cells))
	for i, c := range cells {
		s[i] = fmt.Sprint(c)
	}
	return s
}

// grid lays out a table: names to the left, numbers to the right.
func grid(style *lipgloss.Renderer, head []string, rows [][]string) string {
	cell := style.NewStyle().Padding(0, 1)
	t := table.New().Border(lipgloss.RoundedBorder()).Headers(head...).Rows(rows...).
		BorderStyle(style.NewStyle().Faint(true)).
		StyleFunc(func(row, col int) lipgloss.Style {
			if col == 0 {
				return cell
			}
			return cell.Align(lipgloss.Right)
		})
	return strings.TrimRight(t.Render(), "\n")
}
