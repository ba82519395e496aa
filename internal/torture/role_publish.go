package torture

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// publish publishes on all lanes, in bursts. Each event's number goes into the
// book before it is published, and again once it is accepted.
func (s *stage) publish(ctx context.Context) error {
	p, err := bus.NewPublisher[load](s.bus, &bus.PublisherOptions{Exclusive: s.Exclusive})
	if err != nil {
		return err
	}
	w := &writer{stage: s, pub: p, account: s.book.account(s.Place, s.Life), random: rand.New(rand.NewPCG(s.Seed, 1))}
	for i := range w.tails {
		w.tails[i] = make([]byte, maxTail)
	}
	s.ready()
	for ctx.Err() == nil {
		if err := s.pause(ctx); err != nil {
			break
		}
		for range 1 + w.random.IntN(16) {
			if err := w.some(ctx); err != nil {
				if ctx.Err() != nil {
					break
				}
				return err
			}
		}
		s.rest(ctx, w.random)
	}
	return p.Close()
}

// rest waits as long as the pace of the publisher says.
func (s *stage) rest(ctx context.Context, random *rand.Rand) {
	var d time.Duration
	switch s.Pace {
	case "flood":
		d = 2 * time.Millisecond
	case "steady":
		d = time.Second
	case "bursts":
		d = time.Duration(random.IntN(40)) * time.Millisecond
	default:
		d = time.Duration(random.IntN(200)) * time.Millisecond
	}
	sleep(ctx, d)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// pause stands still while the supervisor asks for it.
func (s *stage) pause(ctx context.Context) error {
	for {
		n := s.book.pause.Load()
		if n%2 == 0 {
			return ctx.Err()
		}
		s.place.w[placePaused].Store(n)
		if sleep(ctx, time.Millisecond); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// writer publishes and keeps account of it.
type writer struct {
	*stage
	pub     *bus.Publisher[load]
	account account
	random  *rand.Rand
	next    [maxLanes]uint64
	items   []bus.Item[load]
	tails   [8][]byte
}

// some publishes a few events on a lane that chance chooses.
func (w *writer) some(ctx context.Context) error {
	lane := w.random.IntN(len(lanes))
	n := 1
	if w.Batch > 1 {
		n += w.random.IntN(w.Batch)
	}
	seq := w.next[lane]
	w.place.note(bus.Now(), opPublish, lane, uint64(n), w.Place, stampOf(w.Life, seq))
	w.account.intent(lane).Store(seq + uint64(n))
	done, err := 0, error(nil)
	err = w.timed(lane, placeLongPublish, func() (err error) {
		switch {
		case w.Batch > 1:
			done, err = w.pub.PublishItems(ctx, w.batch(lane, seq, n))
		case w.Loan:
			err = w.loan(ctx, lane, seq)
		default:
			var v load
			tail := v.write(w.Place, lane, w.Life, seq, w.tails[0])
			err = w.pub.PublishWith(ctx, &v, w.with(lane, seq, tail))
		}
		return err
	})
	if w.Batch <= 1 && err == nil {
		done = 1
	}
	w.next[lane] += uint64(done)
	w.account.accepted(lane).Store(w.next[lane])
	w.account.intent(lane).Store(w.next[lane]) // what was not accepted is not there
	w.place.w[placePublished].Add(uint64(done))
	if err != nil && ctx.Err() == nil && !errors.Is(err, bus.ErrClosed) {
		return broken(err)
	}
	return err
}

func (w *writer) with(lane int, seq uint64, tail []byte) bus.With {
	return bus.With{Key: keyOf(w.Place, lane, seq), Tail: tail, Priority: lanes[lane].Priority}
}

func (w *writer) batch(lane int, seq uint64, n int) []bus.Item[load] {
	w.items = w.items[:0]
	for i := range n {
		var it bus.Item[load]
		tail := it.Value.write(w.Place, lane, w.Life, seq+uint64(i), w.tails[i])
		it.With = w.with(lane, seq+uint64(i), tail)
		w.items = append(w.items, it)
	}
	return w.items
}

// loan fills an event in place; now and then it has another out meanwhile, which
// it gives back.
func (w *writer) loan(ctx context.Context, lane int, seq uint64) error {
	with := w.with(lane, seq, nil)
	if w.random.IntN(4) == 0 {
		other, err := w.pub.LoanWith(with)
		if err != nil {
			return err
		}
		defer other.Discard()
	}
	l, err := w.pub.LoanWith(with)
	if err != nil {
		return err
	}
	tail := l.Value().write(w.Place, lane, w.Life, seq, w.tails[0])
	copy(l.Tail(), tail)
	l.SetTail(len(tail))
	if err := l.Publish(ctx); err != nil {
		l.Discard()
		return err
	}
	return nil
}
