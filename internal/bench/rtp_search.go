package bench

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/rvoip/shmbus/internal/bench/stat"
)

const (
	mostTries = 40
	// atOnce is how often a number of calls is tried before it counts as one that
	// does not hold: neighbours may take a processor for longer than a packet may be late.
	atOnce = 2
	// searchPart is how close a search comes, as a part of what it finds.
	searchPart = 50
)

// RTPTry is one number of calls that a search tried.
type RTPTry struct {
	Calls    int               `json:"calls"`
	Held     bool              `json:"held"`
	Achieved float64           `json:"achieved_per_s"`
	Lost     uint64            `json:"lost"`
	Late     *stat.Percentiles `json:"late_ns"`
}

// search finds the highest number from 1 to most for which hold is true, to within
// a part of it, for a hold that is true up to some number; 0 if it never is. It
// begins at from.
func search(from, most int, hold func(int) (bool, error)) (best int, err error) {
	low, high := 0, most+1
	for n := from; high-low > 1+low/searchPart; {
		ok, err := hold(n)
		if err != nil {
			return 0, err
		}
		if ok {
			low = n
		} else {
			high = n
		}
		switch {
		case high > most: // nothing was too much so far
			n = min(2*low, most)
		case low == 0:
			n = max(high/2, 1)
		default:
			n = low + (high-low)/2
		}
		if n == low || n == high {
			break
		}
	}
	return low, nil
}

// searchRTP returns the run with the most calls that held, or the last one if none did.
func searchRTP(ctx context.Context, t *trial) (*Result, error) {
	var tries []RTPTry
	var best, last *Result
	bad := Result{}
	_, err := search(t.config.Calls, maxCalls, func(calls int) (bool, error) {
		for i := 0; i < atOnce && len(tries) < mostTries; i++ {
			c := t.config
			c.Calls = calls
			r, err := rtpOnce(ctx, t.with(c, fmt.Sprint("try", len(tries))))
			if err != nil {
				return false, fmt.Errorf("with %d calls: %w", calls, err)
			}
			tries = append(tries, RTPTry{Calls: calls, Held: r.Held, Achieved: r.Achieved, Lost: r.Lost, Late: r.Late})
			bad.Disordered += r.Disordered
			bad.Corrupt += r.Corrupt
			if r.Config.Policy = c.Policy; r.verdict() != nil {
				bad.Lost += r.Lost
			}
			if last = r; r.Held {
				best = r
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	if best == nil {
		best = last
	}
	best.Tries = tries
	// What went wrong in any of them is told of the one that is shown.
	best.Disordered, best.Corrupt, best.Lost = bad.Disordered, bad.Corrupt, max(best.Lost, bad.Lost)
	best.details = best.RTP.rows()
	return best, nil
}

// title names what is run while it runs.
func (t *trial) title() string {
	if t.config.Search {
		return fmt.Sprintf("%s, %s calls", t.workload.name, humanize.Comma(int64(t.config.Calls)))
	}
	return t.workload.name
}

func (x *RTP) rows() [][]string {
	held := "no"
	if x.Held {
		held = "yes"
	}
	rows := [][]string{
		{"calls", humanize.Comma(int64(x.Calls)), si(x.Rate) + "/s intended, " + si(x.Achieved) + "/s achieved"},
		{"held", held, "published and received to the end, p99.9 late by less than " + lateLimit.String()},
		{"due and not published", humanize.Comma(int64(x.Unsent)), ""},
	}
	if l := x.Late; l != nil {
		rows = append(rows,
			[]string{"late p50 / p99", ns(float64(l.P50)) + " / " + ns(float64(l.P99)), ""},
			[]string{"late p99.9 / max", ns(float64(l.P999)) + " / " + ns(float64(l.Max)), "the last one " + ns(float64(x.LastLate))})
	}
	for _, y := range x.Tries {
		held := "did not hold"
		if y.Held {
			held = "held"
		}
		late := ""
		if y.Late != nil {
			late = ", p99.9 late by " + ns(float64(y.Late.P999))
		}
		rows = append(rows, []string{"tried", humanize.Comma(int64(y.Calls)), fmt.Sprintf("%s at %s/s%s", held, si(y.Achieved), late)})
	}
	return rows
}
