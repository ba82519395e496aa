package report

import (
	"fmt"

	"github.com/rvoip/shmbus/internal/bench/runs"
	"github.com/rvoip/shmbus/internal/bench/units"
)

var about = map[string]string{
	"seed":     "One publisher, five subscribers, one event per call, nothing lost: the benchmark of the event system that shmbus replaces.",
	"fanout":   "Publishers and subscribers in processes of their own; every event goes to every subscriber, and each checks it.",
	"pingpong": "One event in flight between two processes, written and read whole; half a round trip.",
	"wake":     "Events at a low, fixed rate to a process that sleeps; from publish to receipt.",
	"flood":    "Critical events at a fixed rate while other processes saturate the lower lanes, beside the same without them.",
	"rtp":      "The packets of so many concurrent calls, at the intended rate; lateness is against the intended time.",
	"scale":    "What one publish costs against so many subscribers, and what several publishers do together.",
	"size":     "Throughput and cost from small events to large ones.",
	"crash":    "Processes are killed and frozen at random while events go on.",
}

// few is up to how many lines of one chart can be told apart.
const few = 6

func rateOf(r *runs.Run) float64 { return r.PublishedPerS }

func sectionOf(workload string, cs []*runs.Case) section {
	s := section{name: workload, about: about[workload]}
	add := func(chs ...*chart) {
		for _, c := range chs {
			if c != nil {
				s.charts = append(s.charts, c)
			}
		}
	}
	first := cs[0].Runs[0]
	if !first.IsLatency() && len(first.Points) == 0 {
		add(
			bars(workload+": published per second", "events accepted, each delivered to every subscriber; more is better", cs, rate),
			bars(workload+": processor time per event", "of all processes, for each published event; less is better", cs, cpuTime),
		)
	}
	add(bars(workload+": longest stall", "from one delivery to the next at the first subscriber"+deaths(cs)+"; less is better", cs, stall))
	add(latencies(workload, cs)...)
	add(lateness(workload, cs), publishCost(workload, cs), together(workload, cs))
	add(bySize(workload, cs)...)
	return s
}

// deaths says how much was done to the processes of all runs.
func deaths(cs []*runs.Case) string {
	var kills, freezes float64
	for _, c := range cs {
		for _, r := range c.Runs {
			kills += r.Kills
			freezes += r.Freezes
		}
	}
	return fmt.Sprintf(", over %.0f kills and %.0f freezes", kills, freezes)
}

// latencies are the charts of the latency of cases.
func latencies(workload string, cs []*runs.Case) []*chart {
	cs = measured(cs, p50)
	var chs []*chart
	var own []*runs.Case
	for _, c := range cs {
		if c.Peer == "" {
			own = append(own, c)
		}
	}
	if len(cs) > few || len(own) < len(cs) {
		chs = append(chs, ranges(workload+": latency", "logarithmic; less is better", cs))
	}
	if len(own) == 0 || len(own) > few {
		return chs
	}
	var near, late []tail
	for _, c := range own {
		near = append(near, nearTails(c)...)
		late = append(late, lateTails(c)...)
	}
	const note = "logarithmic; whiskers from the lowest run to the highest; less is better"
	what := ": latency by percentile"
	if own[0].Runs[0].Latency == nil {
		what = ": lateness by percentile"
	}
	return append(chs,
		tails(workload+what, note, near, latencyFloors(own)),
		tails(workload+": from when an event was due", note, late, nil))
}

// nearTails are what a case measured from publish to receipt.
func nearTails(c *runs.Case) []tail {
	if c.Median().Critical != nil {
		return []tail{
			latencyOf(c, c.Name()+": Critical under the flood", func(r *runs.Run) *runs.Percentiles { return r.Critical }),
			latencyOf(c, "the same, idle", func(r *runs.Run) *runs.Percentiles { return r.Idle }),
		}
	}
	ts := []tail{latencyOf(c, c.Name(), latencyNS)}
	if c.Median().FutexNS != nil {
		ts = append(ts, latencyOf(c, "bare futex beside it", func(r *runs.Run) *runs.Percentiles { return r.FutexNS }))
	}
	return ts
}

// lateTails are what a case measured from when an event was due.
func lateTails(c *runs.Case) []tail {
	if c.Median().CriticalLate == nil {
		return nil
	}
	return []tail{
		latencyOf(c, c.Name()+": Critical under the flood", func(r *runs.Run) *runs.Percentiles { return r.CriticalLate }),
		latencyOf(c, "the same, idle", func(r *runs.Run) *runs.Percentiles { return r.IdleLate }),
	}
}

// latencyFloors are what a latency of these cases could be at best.
func latencyFloors(cs []*runs.Case) []level {
	var ls []level
	seen := map[string]bool{}
	for _, c := range cs {
		name, get := "cache line, one way", func(r *runs.Run) float64 { return r.Floor.LineNS }
		if c.Config.Wait == "park" || c.Workload == "wake" {
			name, get = "futex wake, one way", func(r *runs.Run) float64 { return r.Floor.FutexWakeNS }
		}
		if m := c.Median(); m.FutexNS != nil || m.Critical != nil || m.Latency == nil {
			continue // it has something of its own to stand beside, or is about something else
		}
		if v := c.Range(get).Median; v > 0 && !seen[name] {
			seen[name] = true
			ls = append(ls, level{v, name + " " + units.NS(v)})
		}
	}
	return ls
}
