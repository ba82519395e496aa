package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/ring"
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

func (b *batch[T]) with(i int) *With {
	if b.items != nil {
		return &b.items[i].With
	}
	return &noWith
}

// lane is the index of the lane of event i, which has been routed before.
func (b *batch[T]) lane(p *publisher, i int) int {
	if b.items == nil {
		return p.levels[0].lane(0)
	}
	w := &b.items[i].With
	return p.levels[w.Priority].lane(w.Key)
}

// runMost bounds how many events of a batch are published before others may have the
// seat, and its publisher looks whether to make way.
const runMost = 8 * maxChunk

// maxChunk bounds how many events of a batch are filled before they are published.
const maxChunk = 64

// publishBatch publishes b in order, a run of events of one lane at a time.
func publishBatch[T any](ctx context.Context, p *publisher, b batch[T]) (done int, err error) {
	for i := range b.items {
		if _, err := p.route(&b.items[i].With); err != nil {
			return 0, fmt.Errorf("item %d: %w", i, err)
		}
	}
	if err := ended(ctx); err != nil {
		return 0, err
	}
	heard := false
	for n := b.len(); done < n; {
		lane, end := b.lane(p, done), n
		if len(p.lanes) > 1 {
			for end = done + 1; end < n && b.lane(p, end) == lane; end++ {
			}
		}
		m, err := attemptBatch(p, lane, b, done, end, heard)
		done += m
		if errors.Is(err, ErrNoSlot) {
			// The slots of that port are on loan, perhaps not those of another.
			if err = p.attempt(lane, b.value(done), b.with(done), true); err == nil {
				done++
			}
		}
		heard = false
		if err != nil {
			if heard, err = p.refused(ctx, lane, err, true); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// attemptBatch publishes events [from, to) of b, or as many as there is room for, or the
// first of a long batch.
func attemptBatch[T any](p *publisher, lane int, b batch[T], from, to int, heard bool) (done int, err error) {
	s, err := p.take(lane)
	if err != nil {
		return 0, err
	}
	defer s.unlock()
	defer p.bus.caught(protect(), &err)
	var cells [maxChunk]int
	plain := makeRaw(uint32(p.typ.id), uint16(p.bus.self), 0, uint32(p.typ.size), 0, 0, 0)
	for from+done < to && done < runMost {
		if p.audience != nil && !heard && !p.audience.listens(s.use, lane) {
			return done, errUnheard
		}
		heard = false
		n, err := 0, error(nil)
		at := p.now(b.with(from).Priority) // they are published together
		plain.time = at
		for n < maxChunk && from+done+n < to {
			var slot []byte
			if cells[n], slot, err = s.prod.Reserve(); err != nil {
				break
			}
			if i := from + done + n; b.items == nil {
				*codec.Cast[T](slot[eventHeader:]) = b.values[i]
				plain.put(slot)
			} else {
				p.fill(slot, b.value(i), &b.items[i].With, at)
				s.prod.Tag(cells[n], ring.Tag(b.items[i].Key))
			}
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
			p.accepted(s, lane, m, b.with(from).Priority)
			for i := from + done; b.items != nil && i < from+done+m; i++ {
				p.ringKey(s, lane, b.items[i].Key)
			}
			done += m
		}
		if err != nil {
			return done, p.failed(s, err)
		}
	}
	return done, nil
}
