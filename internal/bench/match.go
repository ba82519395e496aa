package bench

import (
	"context"
	"math"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// takenKey is the key that the subscriber with a filter takes. The last event of
// each publisher has it, so that it learns of the end.
const takenKey = 1

// keys is how many keys the events have, in turn; 0 for none.
func (c Config) keys() uint64 {
	if c.Match == 0 {
		return 0
	}
	return uint64(math.Round(1 / c.Match))
}

// noMatch refuses -match where there is no such subscriber.
func (c Config) noMatch(workload string) error {
	if c.Match > 0 {
		return misuse("-match: %s has no subscriber with a filter; fanout has", workload)
	}
	return nil
}

// key is the key of an event, 0 for none.
func (o endOptions) key(n payload.Note) uint64 {
	switch {
	case o.keys == 0:
		return 0
	case n.Last():
		return takenKey
	}
	return takenKey + n.Seq()%o.keys
}

// keyedSource publishes values that have keys.
type keyedSource[T any] struct {
	p     *bus.Publisher[T]
	o     endOptions
	fill  func(*T, payload.Note, bool)
	items []bus.Item[T]
}

func newKeyedSource[T any](b *bus.Bus, o endOptions, fill func(*T, payload.Note, bool)) (source, error) {
	p, err := bus.NewPublisher[T](b, &bus.PublisherOptions{Exclusive: true})
	if err != nil {
		return nil, err
	}
	return &keyedSource[T]{p: p, o: o, fill: fill, items: make([]bus.Item[T], o.batch)}, nil
}

func (s *keyedSource[T]) put(ctx context.Context, seq uint64, n int, last bool) (int, error) {
	for i := range n {
		note := payload.NewNote(s.o.publisher, seq+uint64(i), last && i == n-1)
		s.fill(&s.items[i].Value, note, s.o.verify)
		s.items[i].Key = s.o.key(note)
	}
	if n > 1 {
		return s.p.PublishItems(ctx, s.items[:n])
	}
	if err := s.p.PublishWith(ctx, &s.items[0].Value, s.items[0].With); err != nil {
		return 0, err
	}
	return 1, nil
}

func (s *keyedSource[T]) close() error { return s.p.Close() }

// Match is what a subscriber that filters did, and what it cost beside one that
// takes all.
type Match struct {
	Keys     uint64 `json:"keys"` // it takes one of so many
	Received uint64 `json:"received"`
	Filtered uint64 `json:"filtered"`
	// Lost is what it should have had and did not.
	Lost uint64 `json:"lost"`
	// CPUSeconds is its processor time, CPUSecondsAll the mean of those that
	// take all, and Ratio the one by the other, for each event published.
	CPUSeconds    float64 `json:"cpu_seconds"`
	CPUSecondsAll float64 `json:"cpu_seconds_all"`
	NSPerEvent    float64 `json:"ns_per_event"`
	Ratio         float64 `json:"ratio"`
}

// setMatch books the subscriber that filters, whose processor time comes behind
// those of the subscribers that take all.
func (r *Result) setMatch(c Config, sent []published, got received, us []fleet.Usage) {
	m := &Match{Keys: c.keys(), Received: got.Tracker.Received, Filtered: got.Filtered}
	want := uint64(0)
	for _, p := range sent {
		want += (p.Events + m.Keys - 1) / m.Keys
		if (p.Events-1)%m.Keys != 0 {
			want++ // the last one has the key out of its turn
		}
	}
	m.Lost = max(want, m.Received) - m.Received
	r.Lost += m.Lost
	r.Missed += got.Tracker.Missed
	r.Disordered += got.Tracker.Disordered
	r.Corrupt += got.Tracker.Corrupt
	if m.Received > want || m.Received+m.Filtered+got.Tracker.Missed != r.Published {
		r.Corrupt++ // took what it should not have, or lost count
	}
	for _, u := range us[:c.Subs] {
		m.CPUSecondsAll += u.CPUSeconds / float64(c.Subs)
	}
	m.CPUSeconds = us[c.Subs].CPUSeconds
	if r.Published > 0 && m.CPUSecondsAll > 0 {
		m.NSPerEvent = m.CPUSeconds * 1e9 / float64(r.Published)
		m.Ratio = m.CPUSeconds / m.CPUSecondsAll
	}
	r.Match = m
}
