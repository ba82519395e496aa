package torture

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// tolerances are by how much what a soak samples may grow from the begin to the
// end of it, by the line that fits it best: a part of its mean, and in its unit.
var tolerances = []struct {
	column string
	part   float64
	unit   float64
}{
	{"rss_kib", 0.10, 4096},
	{"private_kib", 0.10, 4096},
	{"descriptors", 0, 4},
	{"threads", 0.10, 4},
	{"stay_rss_kib", 0.10, 4096},
	{"stay_private_kib", 0.10, 4096},
	{"stay_descriptors", 0, 0.5},
	{"stay_threads", 0.10, 4},
	{"depth", 0.25, 16},
	{"ports", 0.05, 2},
	{"pins", 0.05, 4},
	{"subscriptions", 0.05, 2},
	{"participants", 0, 1},
}

// flat fits a line to each column and fails if one grows by more than it may.
func flat(rows [][]float64, out io.Writer) error {
	if rows = rows[min(len(rows), int(float64(len(rows))*soakBegins)):]; len(rows) < 4 {
		return errors.New("too few samples to tell whether anything grows; make the soak longer")
	}
	fmt.Fprintf(out, "\n  %-18s %12s %12s %12s   grown in %.0f s, along the line that fits best\n", "", "least", "mean", "most", rows[len(rows)-1][0]-rows[0][0])
	var errs []error
	for _, t := range tolerances {
		i := slices.Index(columns, t.column)
		var x, y []float64
		for _, row := range rows {
			x, y = append(x, row[0]), append(y, row[i])
		}
		slope, mean := line(x, y)
		grown, may := slope*(x[len(x)-1]-x[0]), max(t.part*mean, t.unit)
		fmt.Fprintf(out, "  %-18s %12.0f %12.1f %12.0f   %+.1f\n", t.column, slices.Min(y), mean, slices.Max(y), grown)
		if grown > may {
			errs = append(errs, fmt.Errorf("%s has grown by %.1f, from a mean of %.1f; it may by %.1f", t.column, grown, mean, may))
		}
	}
	return errors.Join(errs...)
}

// line is the slope of the line that fits best, and the mean of y.
func line(x, y []float64) (slope, mean float64) {
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	if d := n*sxx - sx*sx; d != 0 {
		slope = (n*sxy - sx*sy) / d
	}
	return slope, sy / n
}
