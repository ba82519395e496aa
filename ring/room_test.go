package ring_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// awaitRoom waits for room without a deadline and tells when it has come.
func awaitRoom(lane *ring.Lane) <-chan error {
	done := make(chan error, 1)
	go func() {
		for {
			ticket, full := lane.PrepareRoom()
			if !full {
				done <- nil
				return
			}
			if err := lane.AwaitRoom(ticket, 0); err != nil {
				done <- err
				return
			}
		}
	}()
	return done
}

// within fails the test, rather than hang it, when something never happens.
func within(t *testing.T, what string, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		require.NoError(t, err, what)
	case <-time.After(time.Minute):
		require.FailNow(t, "never happened: "+what)
	}
}

func TestThereIsRoomInALaneWithoutGates(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(4), reliable(4)} {
		lane := newLane(t, geo, 0)
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 40)
		_, full := lane.PrepareRoom()
		assert.False(t, full)
	}
}

// How far behind the one is that holds producers up, and nobody else.
func TestBehind(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, slow, quick := newProducer(t, lane), newReader(t, lane, 0, 1), newReader(t, lane, 1, 1)
	assert.Zero(t, lane.Behind())
	slow.Join()
	quick.Join()
	publishMany(t, p, 1, 0, 3)
	read := func(r *ring.Reader) {
		n, _, err := r.Poll(1)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NoError(t, r.Advance(1))
	}
	read(quick)
	assert.EqualValues(t, 3, lane.Behind())
	read(slow)
	read(slow)
	assert.EqualValues(t, 2, lane.Behind())
	slow.Leave()
	assert.EqualValues(t, 2, lane.Behind())
	quick.Leave()
	assert.Zero(t, lane.Behind())
}

func TestAwaitRoomEndsAtItsDeadline(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 1)
	r.Join()
	fill(t, p, 0)
	ticket, full := lane.PrepareRoom()
	require.True(t, full)
	deadline := shm.Now() + int64(time.Millisecond)
	require.NoError(t, lane.AwaitRoom(ticket, deadline))
	assert.GreaterOrEqual(t, shm.Now(), deadline, "nobody woke it")
}

// Whatever makes room wakes who waits for it, with no deadline to help.
func TestWhateverMakesRoomWakes(t *testing.T) {
	for name, room := range map[string]func(lane *ring.Lane, r *ring.Reader) error{
		"a reader gives its window back": func(lane *ring.Lane, r *ring.Reader) error { return r.Advance(2) },
		"a reader polls on":              func(lane *ring.Lane, r *ring.Reader) error { _, _, err := r.Poll(2); return err },
		"a reader leaves":                func(lane *ring.Lane, r *ring.Reader) error { r.Leave(); return nil },
		"a dead reader is recovered":     func(lane *ring.Lane, r *ring.Reader) error { lane.ClearCursor(0); return nil },
		"a reader is evicted": func(lane *ring.Lane, r *ring.Reader) error {
			for _, g := range lane.Gates(nil) {
				lane.Evict(g.Reader, g)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
				p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
				r.Join()
				seq := fill(t, p, 0)
				poll(t, r, 2, 2, 0)
				// Some sleep or are about to; one has prepared to and will.
				asleep := []<-chan error{awaitRoom(lane), awaitRoom(lane)}
				ticket, full := lane.PrepareRoom()
				require.True(t, full)
				require.NoError(t, room(lane, r))
				for _, done := range asleep {
					within(t, "producer wakes", done)
				}
				last := make(chan error, 1)
				go func() { last <- lane.AwaitRoom(ticket, 0) }()
				within(t, "producer does not fall asleep", last)
				publish(t, p, event{1, seq})
			})
		})
	}
}

func TestASecondSlowReaderIsWaitedForInTurn(t *testing.T) {
	lane := newLane(t, reliable(8), 0)
	p, a, b := newProducer(t, lane), newReader(t, lane, 0, 2), newReader(t, lane, 1, 2)
	a.Join()
	b.Join()
	seq := fill(t, p, 0)
	done := awaitRoom(lane)
	for _, r := range []*ring.Reader{a, b} {
		select {
		case err := <-done:
			require.FailNow(t, "there is no room before both have moved", "%v", err)
		default:
		}
		poll(t, r, 2, 2, 0)
		require.NoError(t, r.Advance(2))
	}
	within(t, "producer wakes", done)
	publish(t, p, event{1, seq})
}

// Producers that publish through a full lane with no deadline, and readers that
// never look unless there is something: one lost wake stops them for ever.
func TestNoWakeForRoomIsLost(t *testing.T) {
	for _, capacity := range []int{2, 8} {
		lane := newLane(t, reliable(capacity), 1<<63-100)
		events := uint64(20000)
		if testing.Short() {
			events = 2000
		}
		done := make(chan error, 4)
		for i := range 2 {
			r := newReader(t, lane, i, 2)
			r.Join()
			go func() {
				for got := uint64(0); got < 2*events; {
					n, missed, err := r.Poll(2)
					if err == nil && missed > 0 {
						err = assert.AnError
					}
					if err != nil {
						done <- err
						return
					}
					if n == 0 {
						runtime.Gosched()
					}
					got += uint64(n)
				}
				r.Leave()
				done <- nil
			}()
		}
		for i := range 2 {
			p := newProducer(t, lane)
			go func() {
				for seq := range events {
					c, slot, err := p.Reserve()
					if err != nil {
						done <- err
						return
					}
					event{uint32(i), seq}.fill(slot)
					for {
						if _, err = p.Publish(c); err == nil {
							break
						}
						if ticket, full := lane.PrepareRoom(); full {
							_ = lane.AwaitRoom(ticket, 0)
						}
					}
				}
				done <- nil
			}()
		}
		for range 4 {
			within(t, "producers and readers end", done)
		}
	}
}
