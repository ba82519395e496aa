package main

import (
	"math"
	"slices"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// frame is one snapshot with everything that is derived from it and from those
// before it. The slices beside the snapshot run parallel to its own.
type frame struct {
	bus.Snapshot
	at    time.Time
	lanes []laneFacts
	subs  []subFacts
	parts []partFacts
	types []typeFacts
	gone  []departure // processes that were there lately, oldest first
}

// departure is a process that left or, having died, was cleaned up after.
type departure struct {
	name string
	pid  int
	at   time.Time
}

type laneFacts struct {
	losing  float64  // events lost per second
	history *history // published per second; nil for a single snapshot
	holder  int      // index of the subscriber that is furthest behind, -1 if none is
}

type subFacts struct {
	rate  float64       // events received per second
	still time.Duration // for how long it has not moved although events await it
	state subState
}

type typeFacts struct {
	rate float64 // events published per second
}

type partFacts struct {
	rate  float64 // events received per second, over its subscribers
	depth uint64  // events that await them
	state partState
}

// subState is what a subscriber does on a lane, as far as shared memory tells.
type subState uint8

const (
	subIdle    subState = iota // awake, nothing to read
	subReading                 // awake, events await it
	subAsleep                  // sleeps until it is woken
	subStalled                 // alive, but has not moved although events await it
	subEvicted                 // lost its hold on a reliable lane
	subAway                    // durable, and no process has it
	subDead                    // its process died and nobody has cleaned up yet
)

func (s subState) String() string {
	return [...]string{"idle", "reading", "asleep", "stalled", "evicted", "away", "dead"}[s]
}

// partState is how a process does.
type partState uint8

const (
	partAlive   partState = iota
	partStalled           // alive, but one of its subscribers is stalled: frozen or hung
	partDead              // died; its seats wait for recovery
)

func (s partState) String() string {
	return [...]string{"alive", "stalled", "dead"}[s]
}

// stallAfter is how long a subscriber may stand still before the view says so. A
// live one sleeps at most a few ticks before it looks again, so this is ample.
const stallAfter = 3 * time.Second

// goneFor is how long a process that is gone is worth a word.
const goneFor = 15 * time.Second

// sampler turns snapshots into frames.
type sampler struct {
	prev   bus.Snapshot
	at     time.Time // of prev; zero before the first
	lanes  map[laneKey]*laneTrack
	subs   map[subKey]*subTrack
	types  map[string]uint64 // published
	gone   []departure
	window time.Duration // how much history lanes keep; none if 0
}

type laneKey struct {
	name  string
	shard int
}

type subKey struct {
	id    int
	name  string
	lane  string
	shard int
}

type laneTrack struct {
	published, lost uint64
	history         *history
}

type subTrack struct {
	received, cursor uint64
	moved            time.Time
}

func newSampler(window time.Duration) *sampler {
	s := &sampler{window: window}
	s.reset()
	return s
}

// reset forgets everything; the next snapshot is of another region.
func (s *sampler) reset() {
	s.prev, s.at, s.gone = bus.Snapshot{}, time.Time{}, nil
	s.lanes, s.subs = map[laneKey]*laneTrack{}, map[subKey]*subTrack{}
	s.types = map[string]uint64{}
}

// add derives a frame from a snapshot read at a time.
func (s *sampler) add(snap bus.Snapshot, at time.Time) *frame {
	snap = tidy(snap)
	var seconds float64
	if !s.at.IsZero() {
		seconds = at.Sub(s.at).Seconds()
	}
	f := &frame{Snapshot: snap, at: at,
		lanes: make([]laneFacts, len(snap.Lanes)),
		subs:  make([]subFacts, len(snap.Subscribers)),
		parts: make([]partFacts, len(snap.Participants)),
		types: make([]typeFacts, len(snap.Types)),
	}
	s.addLanes(f, seconds)
	s.addSubscribers(f, seconds)
	s.addTypes(f, seconds)
	addParticipants(f)
	s.addDepartures(f)
	s.prev, s.at = snap, at
	return f
}

func (s *sampler) addLanes(f *frame, seconds float64) {
	seen := make(map[laneKey]*laneTrack, len(f.Lanes))
	for i := range f.Lanes {
		l := &f.Lanes[i]
		key := laneKey{l.Name, l.Shard}
		track := s.lanes[key]
		if track == nil {
			track = &laneTrack{published: l.Published, lost: l.Lost}
			l.Rate = unknown
			if s.window > 0 {
				track.history = &history{window: s.window}
			}
		} else {
			l.Rate = perSecond(track.published, l.Published, seconds)
			f.lanes[i].losing = perSecond(track.lost, l.Lost, seconds)
			track.published, track.lost = l.Published, l.Lost
			if track.history != nil {
				track.history.add(s.at, f.at, l.Rate)
			}
		}
		f.lanes[i].history = track.history
		f.lanes[i].holder = deepest(f.Subscribers, l.Name, l.Shard)
		seen[key] = track
	}
	s.lanes = seen
}

func (s *sampler) addSubscribers(f *frame, seconds float64) {
	seen := make(map[subKey]*subTrack, len(f.Subscribers))
	for i := range f.Subscribers {
		sub := &f.Subscribers[i]
		key := subKey{sub.ID, sub.Name, sub.Lane, sub.Shard}
		track := s.subs[key]
		if track == nil {
			track = &subTrack{received: sub.Received, cursor: sub.Cursor, moved: f.at}
			f.subs[i].rate = unknown
		} else {
			f.subs[i].rate = perSecond(track.received, sub.Received, seconds)
		}
		if track.cursor != sub.Cursor || sub.Depth == 0 {
			track.moved = f.at
		}
		f.subs[i].still = f.at.Sub(track.moved)
		f.subs[i].state = stateOf(sub, f.subs[i].still)
		track.received, track.cursor = sub.Received, sub.Cursor
		seen[key] = track
	}
	s.subs = seen
}

func (s *sampler) addTypes(f *frame, seconds float64) {
	seen := make(map[string]uint64, len(f.Types))
	for i := range f.Types {
		t := &f.Types[i]
		f.types[i].rate = unknown
		if before, ok := s.types[t.Name]; ok {
			f.types[i].rate = perSecond(before, t.Published, seconds)
		}
		seen[t.Name] = t.Published
	}
	s.types = seen
}

func stateOf(sub *bus.SubscriberInfo, still time.Duration) subState {
	switch {
	case !sub.Alive && sub.Participant < 0:
		return subAway
	case !sub.Alive:
		return subDead
	case sub.Evicted:
		return subEvicted
	case still >= stallAfter:
		return subStalled
	case sub.Waiting:
		return subAsleep
	case sub.Depth > 0:
		return subReading
	}
	return subIdle
}

func addParticipants(f *frame) {
	byID := make(map[int]int, len(f.Participants))
	for i, p := range f.Participants {
		byID[p.ID] = i
		if !p.Alive {
			f.parts[i].state = partDead
		}
	}
	for i, sub := range f.Subscribers {
		p, ok := byID[sub.Participant]
		if !ok || f.subs[i].state == subAway {
			continue
		}
		f.parts[p].rate += f.subs[i].rate
		f.parts[p].depth += sub.Depth
		if f.subs[i].state == subStalled && f.parts[p].state == partAlive {
			f.parts[p].state = partStalled
		}
	}
}

// addDepartures notes which processes of the snapshot before are no longer there.
func (s *sampler) addDepartures(f *frame) {
	here := make(map[int]int, len(f.Participants)) // pid of each id
	for _, p := range f.Participants {
		here[p.ID] = p.PID
	}
	for _, p := range s.prev.Participants {
		if here[p.ID] != p.PID {
			s.gone = append(s.gone, departure{p.Name, p.PID, f.at})
		}
	}
	s.gone = slices.DeleteFunc(s.gone, func(d departure) bool { return f.at.Sub(d.at) > goneFor })
	f.gone = slices.Clone(s.gone)
}

// deepest returns the index of the subscriber that is furthest behind on a lane,
// or -1 if all have read everything.
func deepest(subs []bus.SubscriberInfo, lane string, shard int) int {
	found, depth := -1, uint64(0)
	for i, s := range subs {
		if s.Lane == lane && s.Shard == shard && s.Depth > depth {
			found, depth = i, s.Depth
		}
	}
	return found
}

// unknown is the rate of what has been read only once. So is any sum with it.
var unknown = math.NaN()

// perSecond is the rate of a counter. One that went backwards belongs to
// something new, or was overwritten: no rate.
func perSecond(before, after uint64, seconds float64) float64 {
	if after <= before || seconds <= 0 {
		return 0
	}
	return float64(after-before) / seconds
}
