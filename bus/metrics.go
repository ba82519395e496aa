package bus

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Counts are what a lane, a type, a subscription or the whole region has counted.
// What its kind does not count is 0.
type Counts struct {
	Published uint64 `json:"published"` // events accepted
	Delivered uint64 `json:"delivered"` // events received, each for each subscription that did
	Filtered  uint64 `json:"filtered"`  // events passed over as of no interest, likewise
	Lost      uint64 `json:"lost"`      // events overwritten before a subscription came to them, likewise
	Full      uint64 `json:"full"`      // publishes that found no room
	Wakeups   uint64 `json:"wakeups"`   // publishes that woke somebody; of a subscription: returns from sleep
	Evictions uint64 `json:"evictions"` // times that a subscription lost its hold on a reliable lane
}

func (c *Counts) add(d Counts) {
	c.Published += d.Published
	c.Delivered += d.Delivered
	c.Filtered += d.Filtered
	c.Lost += d.Lost
	c.Full += d.Full
	c.Wakeups += d.Wakeups
	c.Evictions += d.Evictions
}

// Metrics are the counters of a region, in a form for monitoring systems. All but
// Depth, and what is said of a subscription, never fall while the region exists.
type Metrics struct {
	Region       string                `json:"region"`
	Total        Counts                `json:"total"`
	Lanes        map[string]LaneCounts `json:"lanes"` // by name and shard: "critical/0"
	Types        map[string]Counts     `json:"types"` // by name
	Subscribers  []SubscriberCounts    `json:"subscribers"`
	Participants int                   `json:"participants"` // processes that live
}

// LaneCounts are those of one lane.
type LaneCounts struct {
	Counts
	Depth uint64 `json:"depth"` // what the subscriber furthest behind has not read
}

// SubscriberCounts are those of one subscription over all its lanes, since it
// exists.
type SubscriberCounts struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	PID  int    `json:"pid"` // 0 while no process has it
	Counts
	Depth uint64 `json:"depth"` // events published and not received
}

// Metrics returns what a snapshot counts.
func (s Snapshot) Metrics() Metrics {
	m := Metrics{
		Region: s.Region, Lanes: make(map[string]LaneCounts, len(s.Lanes)),
		Types: make(map[string]Counts, len(s.Types)), Subscribers: []SubscriberCounts{},
	}
	for _, l := range s.Lanes {
		c := Counts{
			Published: l.Published, Delivered: l.Delivered, Filtered: l.Filtered, Lost: l.Lost,
			Full: l.Full, Wakeups: l.Wakeups, Evictions: l.Evictions,
		}
		m.Total.add(c)
		m.Lanes[fmt.Sprintf("%s/%d", l.Name, l.Shard)] = LaneCounts{c, l.Depth}
	}
	for _, t := range s.Types {
		m.Types[t.Name] = Counts{
			Published: t.Published, Delivered: t.Delivered, Filtered: t.Filtered, Full: t.Full, Wakeups: t.Wakeups,
		}
	}
	at := make(map[int]int)
	for _, r := range s.Subscribers {
		i, ok := at[r.ID]
		if !ok {
			i = len(m.Subscribers)
			at[r.ID] = i
			m.Subscribers = append(m.Subscribers, SubscriberCounts{
				ID: r.ID, Name: r.Name, PID: r.PID, Counts: Counts{Wakeups: r.Wakeups},
			})
		}
		c := &m.Subscribers[i]
		c.add(Counts{Delivered: r.Received, Filtered: r.Filtered, Lost: r.Missed, Evictions: r.Evictions})
		c.Depth += r.Depth
	}
	for _, p := range s.Participants {
		if p.Alive {
			m.Participants++
		}
	}
	return m
}

// String returns m as JSON.
func (m Metrics) String() string {
	b, err := json.Marshal(m)
	if err != nil {
		return "null" // there is nothing in m that could not be marshalled
	}
	return string(b)
}

// Metrics returns the counters of the whole region, not of this process alone.
// It only reads, and costs about as much as Snapshot. It is empty once the bus is
// closed.
func (b *Bus) Metrics() Metrics {
	s, err := b.Snapshot()
	if err != nil {
		s = Snapshot{Region: b.Name()}
	}
	return s.Metrics()
}

// Var returns a variable for package expvar, whose value is Metrics in JSON at the
// time of asking:
//
//	expvar.Publish("bus", b.Var())
//
// It stays valid, and becomes empty, when the bus is closed. It is safe for
// concurrent use.
func (b *Bus) Var() fmt.Stringer { return busVar{b} }

type busVar struct{ b *Bus }

func (v busVar) String() string { return v.b.Metrics().String() }

// metricsEvery is the default of Options.MetricsEvery.
const metricsEvery = 10 * time.Second

// reporter calls OnMetrics now and then, in a goroutine of its own.
type reporter struct {
	mu   sync.Mutex
	busy bool // in a call of OnMetrics
	done chan struct{}
}

func (r *reporter) run(b *Bus) {
	defer close(r.done)
	tick := time.NewTicker(b.opts.MetricsEvery)
	defer tick.Stop()
	for {
		select {
		case <-b.closing:
			return
		case <-tick.C:
		}
		s, err := b.Snapshot()
		if err != nil {
			continue // closed, or the memory has gone
		}
		if !r.begin(b) {
			return
		}
		b.opts.OnMetrics(s)
		r.end()
	}
}

func (r *reporter) begin(b *Bus) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = !b.closed.Load()
	return r.busy
}

func (r *reporter) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
}

// stop is called once the bus is closed. It waits for the goroutine, but not for a
// call that is under way, since that may be what closes the bus.
func (r *reporter) stop() {
	r.mu.Lock()
	busy := r.busy
	r.mu.Unlock()
	if !busy {
		<-r.done
	}
}
