package floor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/bench/payload"
)

func TestFloorsBetweenTwo(t *testing.T) {
	for _, o := range []Options{
		{Size: 64, Batch: 1, Verify: true, Budget: time.Millisecond},
		{Size: 16, Batch: 4096, Budget: time.Millisecond},
		{Size: 1040, Batch: 8, Verify: true, Budget: time.Millisecond},
	} {
		mem := make([]byte, Size(o))
		echoed := make(chan error, 1)
		go func() { echoed <- Echo(context.Background(), mem, o) }()
		r, err := Lead(context.Background(), mem, o)
		require.NoError(t, err)
		require.NoError(t, <-echoed)
		for name, v := range map[string]float64{
			"line": r.LineNS, "spsc": r.SPSCNS, "event": r.SPSCEventNS,
			"copy": r.CopyNS, "futex": r.FutexWakeNS, "futex p99": r.FutexWakeP99NS, "atomic": r.AtomicNS,
		} {
			assert.Positive(t, v, name)
		}
		assert.GreaterOrEqual(t, r.FutexWakeP99NS, r.FutexWakeNS)
	}
}

func TestFloorsEndWithTheirContext(t *testing.T) {
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	o := Options{Budget: time.Millisecond}
	_, err := Lead(ctx, make([]byte, Size(o)), o)
	require.ErrorIs(t, err, gone)
	require.ErrorIs(t, Echo(ctx, make([]byte, Size(o)), o), gone)
}

func TestFloorsRefuseTooLittleMemory(t *testing.T) {
	_, err := Lead(context.Background(), make([]byte, 100), Options{})
	require.Error(t, err)
	require.Error(t, Echo(context.Background(), make([]byte, 100), Options{}))
}

func TestWrongBytesAreNoticed(t *testing.T) {
	o := Options{Size: 64, Verify: true}
	a, err := newArea(context.Background(), make([]byte, Size(o)), o)
	require.NoError(t, err)
	w, r := a.there, a.there
	require.NoError(t, a.send(&w, payload.NewNote(0, 1, false)))
	w.publish()
	a.there.slots[20] ^= 1
	_, err = a.receive(&r, 0)
	require.ErrorIs(t, err, ErrDamaged)
}

func TestRingHoldsExactlyItsSlots(t *testing.T) {
	o := Options{Size: 16}
	mem := make([]byte, Size(o))
	w := newRing(mem[offRingA:], 16)
	r := newRing(mem[offRingA:], 16)
	require.Nil(t, r.next())
	for range slots {
		require.NotNil(t, w.room())
	}
	require.Nil(t, w.room())
	w.publish()
	for range slots {
		require.NotNil(t, r.next())
	}
	require.Nil(t, r.next())
	require.True(t, r.drained())
	r.release()
	require.NotNil(t, w.room())
}

func TestBestIsTheLowerThatWasMeasured(t *testing.T) {
	b := Best(Result{LineNS: 5, SPSCNS: 3, CopyNS: 1}, Result{LineNS: 4, CopyNS: 2, AtomicNS: 7})
	assert.Equal(t, Result{LineNS: 4, SPSCNS: 3, CopyNS: 1, AtomicNS: 7}, b)
}

func TestTurnsBetweenTwo(t *testing.T) {
	o := Options{Size: 64, Verify: true}
	mem := make([]byte, Size(o))
	lead, err := NewTurns(context.Background(), mem, o)
	require.NoError(t, err)
	echo, err := NewTurns(context.Background(), mem, o)
	require.NoError(t, err)
	const turns = 3
	echoed := make(chan error, 1)
	go func() {
		for range turns {
			if err := echo.Echo(); err != nil {
				echoed <- err
				return
			}
		}
		echoed <- nil
	}()
	for range turns {
		line, trip, err := lead.Lead()
		require.NoError(t, err)
		assert.Positive(t, line)
		assert.Positive(t, trip)
	}
	require.NoError(t, <-echoed)

	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	alone, err := NewTurns(ctx, make([]byte, Size(o)), o)
	require.NoError(t, err)
	_, _, err = alone.Lead()
	require.ErrorIs(t, err, gone)
	require.ErrorIs(t, alone.Echo(), gone)
}
