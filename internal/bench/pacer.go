package bench

import (
	"context"
	"errors"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/shm"
)

// pacer says when each event of a fixed rate is due. What is due is fixed by its
// number alone: who falls behind stays behind until he has made up for it.
type pacer struct {
	start int64 // of bus.Now
	rate  float64
	word  uint32
}

func newPacer(start int64, perSecond float64) *pacer {
	return &pacer{start: start, rate: perSecond}
}

// due is when event i is to be published.
func (p *pacer) due(i uint64) int64 { return p.start + int64(float64(i)*1e9/p.rate) }

// by is how many events are due at a time.
func (p *pacer) by(now int64) uint64 {
	if now < p.start {
		return 0
	}
	return uint64(float64(now-p.start)*p.rate/1e9) + 1
}

const napBound = 100 * time.Millisecond // a sleep looks at its context so often

// until sleeps until a time of bus.Now. It sleeps on a futex that nobody wakes,
// since an idle Go process rounds a sleep shorter than a millisecond up to one.
func (p *pacer) until(ctx context.Context, at int64) error {
	for now := bus.Now(); now < at; now = bus.Now() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		next := min(at, now+int64(napBound))
		err := shm.FutexWait(&p.word, 0, ^uint32(0), next)
		if errors.Is(err, errors.ErrUnsupported) {
			time.Sleep(time.Duration(next - now))
		}
	}
	return nil
}
