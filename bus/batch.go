package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/codec"
)

// batch is what is to be published in order: values, or items. It is a type
// rather than a function that yields events, so that the caller's slice need not
// move to the heap.
type batch[T any] struct {
	values []T
	items  []Item[T]
}

func (b *batch[T]) len() int { return len(b.values) + len(b.items) }

func (b *batch[T]) value(i int) []byte {
	if b.items != nil {
		return codec.AsBytes(&b.items[i].Value)
	}
	return codec.AsBytes(&b.values[i])
}

func (b *batch[T]) with(i int) With {
	if b.items != nil {
		return b.items[i].With
	}
	return With{}
}

// maxChunk bounds how many events of a batch are filled before they are published.
const maxChunk = 64

// publishBatch publishes b in order, a run of events of one shard at a time.
func publishBatch[T any](ctx context.Context, p *publisher, b batch[T]) (done int, err error) {
	for i := range b.items {
		if err := p.fits(len(b.items[i].Tail)); err != nil {
			return 0, fmt.Errorf("item %d: %w", i, err)
		}
	}
	if err := ended(ctx); err != nil {
		return 0, err
	}
	heard := false
	for n := b.len(); done < n; {
		shard, end := p.shard(b.with(done).Key), n
		if len(p.lanes) > 1 {
			for end = done + 1; end < n && p.shard(b.with(end).Key) == shard; end++ {
			}
		}
		m, err := attemptBatch(p, shard, b, done, end, heard)
		done += m
		if errors.Is(err, ErrNoSlot) {
			// The slots of that port are on loan, perhaps not those of another.
			if err = p.attempt(shard, b.value(done), b.with(done), true); err == nil {
				done++
			}
		}
		heard = false
		if err != nil {
			if heard, err = p.refused(ctx, shard, err, true); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// attemptBatch publishes events [from, to) of b, or as many as there is room for.
func attemptBatch[T any](p *publisher, shard int, b batch[T], from, to int, heard bool) (done int, err error) {
	s, err := p.take(shard)
	if err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	defer p.bus.caught(p.bus.mem.Protect(), &err)
	var cells [maxChunk]int
	for from+done < to {
		if p.audience != nil && !heard && !p.audience.listens(s.use, shard) {
			return done, errUnheard
		}
		heard = false
		n, err := 0, error(nil)
		for n < maxChunk && from+done+n < to {
			var slot []byte
			if cells[n], slot, err = s.prod.Reserve(); err != nil {
				break
			}
			i := from + done + n
			p.fill(slot, b.value(i), b.with(i))
			n++
		}
		if n == 0 {
			return done, s.explain(err)
		}
		m, _, err := s.prod.PublishBatch(cells[:n])
		for _, c := range cells[m:n] {
			s.prod.Cancel(c)
		}
		if m > 0 {
			done += m
			p.published.Add(uint64(m))
			p.ring()
		}
		if err != nil {
			return done, s.explain(err)
		}
	}
	return done, nil
}
