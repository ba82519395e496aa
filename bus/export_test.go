package bus

import (
	"errors"
	"fmt"
)

// CheckLanes checks the integrity of every lane: every slot is named by exactly
// one entry or cell. Nobody may be publishing.
func (b *Bus) CheckLanes() error {
	return b.guarded(func() error {
		var errs []error
		for _, l := range b.region.lanes {
			if err := l.Check(); err != nil {
				errs = append(errs, fmt.Errorf("lane %s: %w", l.name(), err))
			}
		}
		return errors.Join(errs...)
	})
}

// Bus is the bus over the ring's own region.
func (s *Static[T]) Bus() *Bus { return s.ring.bus }

// RecoverDead makes the pass that cleans up after dead participants now.
func (b *Bus) RecoverDead() error {
	return b.guarded(func() error {
		b.recoverDead()
		return nil
	})
}

// Heard tells whether Publish would find somebody who listens. It publishes
// nothing.
func (l *Loan[T]) Heard() error {
	a := l.p.audience
	if err := a.search(l.seat.use, l.lane); err != nil {
		return err
	}
	if !a.listens(l.seat.use, l.lane) {
		return errUnheard
	}
	return nil
}

// LeaveBehind makes participant i look as one does whose process was killed: it is
// there, and nobody holds its lock byte.
func (b *Bus) LeaveBehind(i int) {
	p := &b.region.participants[i]
	p.pid.Store(1 << 30)
	p.state.Store(participantActive)
}

// Held is what is taken in a region.
type Held struct{ Participants, Subscribers, TypeDrafts, Ports, Pins, Cursors int }

// Held counts what is taken, by the dead and by the living.
func (b *Bus) Held() (h Held, err error) {
	err = b.guarded(func() error {
		r := b.region
		for i := range r.participants {
			if r.participants[i].state.Load() != participantFree {
				h.Participants++
			}
		}
		for i := range r.subscribers {
			if subState(r.subscribers[i].state.Load()).state() != subFree {
				h.Subscribers++
			}
		}
		for i := range r.types.records {
			if o := r.types.owner(i).Load(); o != 0 && o != recordShared {
				h.TypeDrafts++
			}
		}
		for _, l := range r.lanes {
			st := l.Stats()
			h.Ports += st.PortsUsed
			h.Pins += st.PinsUsed
			for i := range r.subscribers {
				if l.Cursor(i).Joined {
					h.Cursors++
				}
			}
		}
		return nil
	})
	return h, err
}

// LookAtGates does what a publisher does that finds the first lane of p full at
// that time, and tells whether it has made room.
func (b *Bus) LookAtGates(p Priority, now int64) (made bool, err error) {
	err = b.guarded(func() error {
		for _, l := range b.lanes {
			if l.priority == p && l.shard == 0 {
				made = l.gates.check(l, now)
			}
		}
		return nil
	})
	return made, err
}

// Disown makes a region look as if a participant had gone without giving anything
// back, until the function it returns is called.
func (b *Bus) Disown(participant int) (again func()) {
	p := &b.region.participants[participant]
	p.state.Store(participantFree)
	return func() { p.state.Store(participantActive) }
}

// Forget makes a region look as if a subscription had never been, until the
// function it returns is called.
func (b *Bus) Forget(subscription int) (again func()) {
	w := b.region.subscribers[subscription].state
	was := w.Swap(0)
	return func() { w.Store(was) }
}

// Draft makes a type record look like the draft of a participant, until the
// function it returns is called.
func (b *Bus) Draft(record, participant int) (again func()) {
	w := b.region.types.owner(record)
	was := w.Swap(uint64(participant + 1))
	return func() { w.Store(was) }
}

// Places are offsets of parts of a region.
type Places struct {
	Header, Bell, Participants, Subscribers, TypeOrder, TypeRecords, Counts, Lanes, Size int
	Lane                                                                                 []LanePlace // by priority and shard
}

// LanePlace is where a lane lies.
type LanePlace struct{ Begin, Ports, Cursors, Cells, Entries, Slots, End int }

// PlacesOf tells where everything lies in a region of that geometry.
func PlacesOf(g Geometry) Places {
	g = g.withDefaults()
	at := g.layout()
	p := Places{
		Header: at.bell, Bell: at.bell, Participants: at.participants, Subscribers: at.subscribers,
		TypeOrder: at.typeOrder, TypeRecords: at.typeRecords, Counts: at.receiveCounts, Lanes: at.lanes[0].off, Size: at.size,
	}
	const spacing = 128
	up := func(n int) int { return (n + spacing - 1) / spacing * spacing }
	for _, l := range at.lanes {
		w := LanePlace{Begin: l.off, Ports: l.off + 3*spacing, End: l.off + l.geo.Size()}
		w.Cursors = w.Ports + l.geo.Ports*spacing
		w.Cells = w.Cursors + l.geo.Readers*spacing
		w.Entries = w.Cells + l.geo.Ports*up(8*l.geo.Cells())
		w.Slots = w.Entries + up(8*l.geo.Capacity)
		if w.Slots+l.geo.Slots()*l.geo.SlotSize != w.End {
			panic("the tests do not know the layout of a lane any more")
		}
		p.Lane = append(p.Lane, w)
	}
	return p
}
