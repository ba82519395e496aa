package torture

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/word"
)

// record is a book in memory with some producers in it, and what they publish, for
// trackers that are told something wrong.
type record struct {
	t    *testing.T
	book *book
	pos  [maxLanes]uint64
}

func newRecord(t *testing.T) *record {
	r := &record{t: t, book: bindBook(word.NewMemory(8 * bookWords))}
	for p := range producers {
		r.book.begin(p, 1)
	}
	return r
}

// event is an event as a subscription gets it.
type event struct {
	v    load
	tail []byte
	h    bus.Header
}

// publish lets a producer publish its next event on a lane.
func (r *record) publish(place, lane int) event {
	life := r.book.places[place].w[placeLife].Load()
	a := r.book.account(place, life)
	seq := a.accepted(lane).Load()
	a.intent(lane).Store(seq + 1)
	a.accepted(lane).Store(seq + 1)
	return r.make(place, lane, life, seq)
}

// make makes an event at the next position of its lane.
func (r *record) make(place, lane int, life, seq uint64) event {
	var e event
	e.tail = e.v.write(place, lane, life, seq, make([]byte, maxTail))
	e.h = bus.Header{Type: 1, Priority: lanes[lane].Priority, Shard: lanes[lane].Shard, Position: r.pos[lane], Key: keyOf(place, lane, seq)}
	r.pos[lane]++
	return e
}

// tracker is one that has begun, for a process as the spec says.
func (r *record) tracker(s spec) *tracker {
	tr := s.tracker(r.book)
	r.book.begin(s.Place, s.Life)
	tr.prepare()()
	return tr
}

func get(tr *tracker, e event) error {
	if err := tr.got(&e.v, e.tail, e.h); err != nil {
		return err
	}
	tr.done(int(e.v.Lane))
	return nil
}

const (
	reliableLane = 0
	groupLane    = 2
)

var lossyLane = laneOf(bus.Low, 0)

func plainSpec() spec { return spec{Role: "subscribe", Place: firstSub, Life: 1, Mode: "view"} }

func durableSpec(life uint64) spec {
	return spec{Role: "subscribe", Place: firstDurable, Life: life, Mode: "view", Durable: 1 + durableWaits}
}

// What is as it should be passes, through deaths of producers, gaps that are told,
// and deaths of the subscription's own process.
func TestTrackerTakesWhatIsRight(t *testing.T) {
	r := newRecord(t)
	tr := r.tracker(plainSpec())
	for range 20 {
		for lane := range lanes {
			require.NoError(t, get(tr, r.publish(1, lane)))
			require.NoError(t, get(tr, r.publish(2, lane)))
		}
	}
	// Producer 1 dies over an event that nobody gets, and another one comes.
	r.book.account(1, 1).intent(reliableLane).Store(21)
	r.book.begin(1, 2)
	require.NoError(t, get(tr, r.publish(1, reliableLane)))
	// A gap of the lossy lane, told exactly.
	for range 3 {
		r.publish(2, lossyLane)
	}
	require.NoError(t, tr.lagged(&bus.LagError{Priority: bus.Low, Missed: 3, Resumed: r.pos[lossyLane]}))
	require.NoError(t, get(tr, r.publish(2, lossyLane)))
	require.NoError(t, tr.audit())
}

// Each kind of wrong is found.
func TestTrackerFindsWhatIsWrong(t *testing.T) {
	for want, wrong := range map[string]func(r *record, tr *tracker) error{
		"its bytes are not those that were published": func(r *record, tr *tracker) error {
			e := r.publish(1, reliableLane)
			e.v.Seq++
			return get(tr, e)
		},
		"its bytes are not those": func(r *record, tr *tracker) error {
			r.publish(1, reliableLane)
			e := r.publish(1, reliableLane)
			e.tail[0]++
			return get(tr, e)
		},
		"it was published on lane": func(r *record, tr *tracker) error {
			e := r.publish(1, reliableLane)
			e.h.Priority = bus.Normal
			return get(tr, e)
		},
		"its key is": func(r *record, tr *tracker) error {
			e := r.publish(1, reliableLane)
			e.h.Key++
			return get(tr, e)
		},
		"others have got another event there": func(r *record, tr *tracker) error {
			other := r.tracker(spec{Role: "subscribe", Place: firstSub + 1, Life: 1})
			require.NoError(r.t, get(other, r.publish(1, reliableLane)))
			r.pos[reliableLane]--
			return get(tr, r.publish(2, reliableLane))
		},
		"1 events before it are missing, and nobody was told so": func(r *record, tr *tracker) error {
			require.NoError(r.t, get(tr, r.publish(1, reliableLane)))
			r.publish(1, reliableLane)
			return get(tr, r.publish(1, reliableLane))
		},
		"it comes again": func(r *record, tr *tracker) error {
			e := r.publish(1, reliableLane)
			require.NoError(r.t, get(tr, e))
			return get(tr, e)
		},
		"out of order, or twice": func(r *record, tr *tracker) error {
			require.NoError(r.t, get(tr, r.publish(1, reliableLane)))
			return get(tr, r.make(1, reliableLane, 1, 0)) // at a position of its own
		},
		"2 events of this lane are missing that were accepted, and 0 were told": func(r *record, tr *tracker) error {
			require.NoError(r.t, get(tr, r.publish(1, reliableLane)))
			a := r.book.account(1, 1)
			a.intent(reliableLane).Store(4)
			a.accepted(reliableLane).Store(4)
			return get(tr, r.make(1, reliableLane, 1, 3)) // at the next position
		},
		"2 events of this lane are missing": func(r *record, tr *tracker) error { // of a life that is over
			require.NoError(r.t, get(tr, r.publish(1, reliableLane)))
			r.book.account(1, 1).accepted(reliableLane).Store(3)
			r.book.begin(1, 2)
			return get(tr, r.publish(1, reliableLane))
		},
		"told of a gap of nothing": func(_ *record, tr *tracker) error {
			return tr.lagged(&bus.LagError{Priority: bus.Low})
		},
		"told that 3 events are missing before 3, where 1 was due": func(r *record, tr *tracker) error {
			require.NoError(r.t, get(tr, r.publish(1, lossyLane)))
			return tr.lagged(&bus.LagError{Priority: bus.Low, Missed: 3, Resumed: 3})
		},
		"that is not what such a lane does": func(_ *record, tr *tracker) error {
			return tr.lagged(&bus.LagError{Priority: bus.Critical, Missed: 3, Resumed: 3})
		},
		"and has not got 2 at most": func(r *record, tr *tracker) error { // told of too many
			require.NoError(r.t, get(tr, r.publish(1, lossyLane)))
			r.publish(1, lossyLane)
			r.publish(1, lossyLane)
			require.NoError(r.t, tr.lagged(&bus.LagError{Priority: bus.Low, Missed: 3, Resumed: 4}))
			return tr.audit()
		},
		"has not got 1 events of lane critical/0 that were accepted": func(r *record, tr *tracker) error { // the last one
			require.NoError(r.t, get(tr, r.publish(1, reliableLane)))
			r.publish(1, reliableLane)
			return tr.audit()
		},
		"evicted, though it has got": func(r *record, tr *tracker) error {
			for range 2 * recent {
				require.NoError(r.t, get(tr, r.publish(1, reliableLane)))
			}
			return tr.lagged(&bus.LagError{Priority: bus.Critical, Missed: 3, Resumed: r.pos[reliableLane] + 3, Evicted: true})
		},
	} {
		t.Run(want, func(t *testing.T) {
			r := newRecord(t)
			require.ErrorContains(t, wrong(r, r.tracker(plainSpec())), want)
		})
	}
}

// A subscription gets what is accepted once it has begun, and nothing that was
// accepted before.
func TestTrackerKnowsWhereASubscriptionBegins(t *testing.T) {
	r := newRecord(t)
	old := r.publish(1, reliableLane)
	tr := plain(r)
	begun := tr.prepare()
	r.publish(1, reliableLane) // before or after it has begun
	begun()
	require.ErrorContains(t, get(tr, old), "out of order, or twice")
	last := r.publish(1, reliableLane)
	require.NoError(t, get(tr, last))
	require.NoError(t, tr.audit())

	tr = r.tracker(plainSpec())
	r.publish(1, reliableLane)
	require.ErrorContains(t, get(tr, r.publish(1, reliableLane)), "1 events of this lane are missing")
}

// A handler gets its first events before it is known where it begins.
func TestTrackerTakesWhatComesAtOnce(t *testing.T) {
	r := newRecord(t)
	s := spec{Role: "handle", Place: firstHandler, Life: 1}
	tr := s.tracker(r.book)
	begun := tr.prepare()
	first := r.publish(1, reliableLane)
	for range 3 {
		require.NoError(t, get(tr, r.publish(1, reliableLane)))
	}
	begun()
	require.NoError(t, tr.audit(), "the first may have been accepted before it had begun")
	require.NoError(t, get(tr, first))
	for range keys {
		require.NoError(t, get(tr, r.publish(1, reliableLane)))
	}
	require.NoError(t, tr.audit())
}

func plain(r *record) *tracker {
	s := plainSpec()
	return s.tracker(r.book)
}

// What a process had in hand when it was killed comes again, and nothing else.
func TestTrackerKnowsWhatMayComeAgain(t *testing.T) {
	r := newRecord(t)
	tr := r.tracker(durableSpec(1))
	first, second := r.publish(1, reliableLane), r.publish(1, reliableLane)
	require.NoError(t, get(tr, first))
	require.NoError(t, get(tr, second))
	require.ErrorContains(t, get(tr, second), "it comes again", "to the same process")

	next := r.tracker(durableSpec(2))
	require.ErrorContains(t, get(next, second), "it comes again", "from a process that had left")
	r.book.places[firstDurable].doom(1)
	require.ErrorContains(t, get(next, first), "it comes again", "it was finished")
	require.NoError(t, get(next, second))
	require.ErrorContains(t, get(next, second), "it comes again", "once")
	require.NoError(t, get(next, r.publish(1, reliableLane)))
	require.NoError(t, next.audit())
}

// A process is killed between any two stores of an event: the next one gets it,
// and nothing is counted twice.
func TestTrackerOutlivesItsProcess(t *testing.T) {
	for stores := range 8 {
		r := newRecord(t)
		tr := r.tracker(durableSpec(1))
		require.NoError(t, get(tr, r.publish(1, reliableLane)))
		a := r.book.account(1, 1)
		a.intent(reliableLane).Store(3)
		a.accepted(reliableLane).Store(3)
		page := tr.pages[reliableLane]
		// Two events are told as missed, and the third is being entered.
		page[pageTold].Store(2)
		page[pageNext].Store(3)
		r.pos[reliableLane] = 3
		e := r.publish(1, reliableLane)
		page[pageNewLeast].Store(2)
		page[pageNewMost].Store(2)
		page[pageNewTold].Store(2)
		todo := []func(){
			func() { page[pagePending].Store(4) },
			func() { page[pageLeast].Store(2) },
			func() { page[pageMost].Store(2) },
			func() { page[pageTold].Store(2) },
			func() { page.from(1, 0).Store(uint64(stampOf(1, 4))) },
			func() { page.to(1, 0).Store(uint64(stampOf(1, 4))) },
			func() { page[pageHolder].Store(tr.me()) },
		}
		for _, store := range todo[:min(stores, len(todo))] {
			store()
		}
		r.book.places[firstDurable].doom(1)
		next := r.tracker(durableSpec(2))
		require.NoError(t, get(next, e), "after %d stores", stores)
		require.NoError(t, get(next, r.publish(1, reliableLane)))
		require.NoError(t, next.audit())
		assert.Equal(t, uint64(2), page[pageLeast].Load())
		assert.Equal(t, uint64(5), page[pageNext].Load())
	}
}

// A gap that was told to a process which was killed before it could note so is
// none of ours to judge; any other is.
func TestTrackerKnowsWhoWasTold(t *testing.T) {
	r := newRecord(t)
	tr := r.tracker(durableSpec(1))
	require.NoError(t, get(tr, r.publish(1, lossyLane)))
	r.publish(1, lossyLane)
	e := r.publish(1, lossyLane)
	require.ErrorContains(t, get(r.tracker(durableSpec(2)), e), "nobody was told so", "it had left in order")
	r.book.places[firstDurable].doom(1)
	next := r.tracker(durableSpec(2))
	require.NoError(t, get(next, e))
	require.NoError(t, next.audit())
	assert.Equal(t, uint64(1), r.book.places[firstDurable].w[placeUntold].Load())
}

// Of two members that work on a lane at the same time one is told of, unless the
// other was killed over it.
func TestTrackerFindsTwoMembersOnALane(t *testing.T) {
	r := newRecord(t)
	member := func(i int) *tracker {
		return r.tracker(spec{Role: "subscribe", Place: firstMember + i, Life: 1, Mode: "view", Group: true})
	}
	a, b := member(0), member(1)
	require.NoError(t, get(a, r.publish(1, groupLane)))
	require.NoError(t, a.hold(groupLane)) // and is still at it
	e := r.publish(1, groupLane)
	require.ErrorContains(t, get(b, e), "is worked on by place")
	r.book.places[firstMember].doom(1)
	require.NoError(t, get(b, e))
}

// A handler gets the events of a key in order, and those of others when it likes.
func TestTrackerKeepsTheOrderOfKeys(t *testing.T) {
	r := newRecord(t)
	tr := r.tracker(spec{Role: "handle", Place: firstHandler, Life: 1})
	var all []event
	for range 2 * keys {
		all = append(all, r.publish(1, reliableLane))
	}
	for _, i := range []int{1, 0, 3, 5, 2, 7, 4} {
		require.NoError(t, get(tr, all[i]))
	}
	require.ErrorContains(t, tr.audit(), "has not got 1 events")
	require.ErrorContains(t, get(tr, all[0]), "out of order, or twice")
	require.NoError(t, get(tr, all[6]))
	require.NoError(t, tr.audit())
}

// A filter takes what it asks for, and all of it.
func TestTrackerKnowsWhatAFilterTakes(t *testing.T) {
	r := newRecord(t)
	s := plainSpec()
	s.Key = 2 // Seq 1, 5, 9
	tr := r.tracker(s)
	var all []event
	for range 3 * keys {
		all = append(all, r.publish(1, reliableLane))
	}
	require.NoError(t, get(tr, all[1]))
	require.ErrorContains(t, get(tr, all[2]), "not what the filter asks for")
	require.ErrorContains(t, get(tr, all[9]), "1 events of this lane are missing")
}

// A durable subscription that states that it is waited for is not evicted while
// it is away, unless it has stood still before.
func TestTrackerKnowsWhoMayBeEvicted(t *testing.T) {
	evicted := &bus.LagError{Priority: bus.Critical, Missed: 3, Resumed: 2*gap + 3, Evicted: true}
	away := func(durable, got int) error {
		r := newRecord(t)
		s := durableSpec(1)
		s.Durable = 1 + durable
		tr := r.tracker(s)
		for range 2 * gap {
			require.NoError(t, get(tr, r.publish(1, reliableLane)))
		}
		r.book.places[s.Place].doom(1)
		r.book.places[s.Place].w[placeDied].Store(uint64(bus.Now()))
		s.Life = 2
		next := r.tracker(s)
		for range got {
			require.NoError(t, get(next, r.publish(1, reliableLane)))
		}
		lag := *evicted
		lag.Resumed += uint64(got)
		return next.lagged(&lag)
	}
	require.ErrorContains(t, away(durableWaits, 0), "evicted while no process had it")
	require.ErrorContains(t, away(durableCopies, 0), "evicted while no process had it")
	require.ErrorContains(t, away(durableShort, 0), "after it got its last event")
	require.NoError(t, away(durableEvents, 0))
	require.NoError(t, away(durableEvents, 2*recent), "the rest of what it lost while it was away")
	require.ErrorContains(t, away(durableEvents, int(gap)), "evicted, though it has got")
	require.ErrorContains(t, away(durableWaits, 2*recent), "evicted, though it has got")
	assert.Greater(t, holdFor, 100*evictAfter, "or the first two could not tell")
}

// Who stands still as soon as it has begun is told of what that has cost it when it has
// got more.
func TestTrackerTakesAnEarlyGap(t *testing.T) {
	for _, stands := range []bool{true, false} {
		r := newRecord(t)
		tr := r.tracker(plainSpec())
		require.NoError(t, get(tr, r.publish(1, reliableLane)))
		if stands {
			tr.attach -= int64(evictAfter)
			tr.pages[reliableLane][pageTimes+1].Store(uint64(tr.attach))
		}
		for range recent {
			require.NoError(t, get(tr, r.publish(1, reliableLane)))
		}
		tr.attach = bus.Now()
		r.publish(1, reliableLane)
		err := tr.lagged(&bus.LagError{Priority: bus.Critical, Missed: 1, Resumed: r.pos[reliableLane], Evicted: true})
		if stands {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "evicted, though it has got")
		}
	}
}

func TestCountOfResidues(t *testing.T) {
	for from := range uint64(10) {
		for to := range uint64(10) {
			for key := range keys {
				n := uint64(0)
				for i := from; i < to; i++ {
					if i%keys == uint64(key) {
						n++
					}
				}
				require.Equal(t, n, count(from, to, key), "%d to %d, %d", from, to, key)
			}
		}
	}
	assert.Equal(t, uint64(5), count(2, 7, -1))
}

// What an eviction has cost may be told in pieces. That excuses no other.
func TestTrackerTakesAGapInPieces(t *testing.T) {
	r := newRecord(t)
	tr := r.tracker(plainSpec())
	some := func(n uint64) {
		for range n {
			require.NoError(t, get(tr, r.publish(1, reliableLane)))
		}
	}
	lose := func() error {
		r.publish(1, reliableLane)
		return tr.lagged(&bus.LagError{Priority: bus.Critical, Missed: 1, Resumed: r.pos[reliableLane], Evicted: true})
	}
	still := func() { // as if the last events had come long ago
		for i := range recent {
			tr.pages[reliableLane][pageTimes+i].Store(1)
		}
	}
	some(2 * recent)
	still()
	require.NoError(t, lose())
	some(gap - 1)
	require.NoError(t, lose(), "the rest of the gap")
	still()
	require.NoError(t, lose(), "it has stood still again")
	some(gap - 1)
	require.NoError(t, lose(), "the rest of that gap")
	some(atOnce)
	still()
	some(gap)
	require.NoError(t, lose(), "it had lost nothing until now")
	some(atOnce)
	require.ErrorContains(t, lose(), "evicted, though it has got")
}
