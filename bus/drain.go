package bus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// State says how far the life of a bus, or of a region, has come:
//
//	open ──Drain──> draining ──Close──> closed
//	  └────────────────Close───────────────^
type State string

const (
	// StateOpen is that of a bus that publishes and receives, and of a region
	// that can be joined.
	StateOpen State = "open"
	// StateDraining is that of a bus that publishes nothing more.
	StateDraining State = "draining"
	// StateClosed is that of a bus that has been closed.
	StateClosed State = "closed"
	// StateRemoved is that of a region whose file has gone, or whose name stands
	// for another one; what is mapped still works.
	StateRemoved State = "removed"
	// StateCorrupt is that of a region that a process has written into where it
	// must not; see Bus.Check.
	StateCorrupt State = "corrupt"
)

// State returns how far this process is with the bus: StateOpen, StateDraining or
// StateClosed.
func (b *Bus) State() State {
	switch {
	case b.closed.Load():
		return StateClosed
	case b.draining.Load():
		return StateDraining
	}
	return StateOpen
}

// Drain brings this process's part in the bus to an orderly end. At once its
// publishers accept nothing more: publish calls return ErrDraining, those that
// wait for room too, as do NewPublisher, Subscribe and the like. What was accepted
// on the region's lanes up to then, by whomever, its subscriptions still receive:
// each goes on to that point, where its receive calls and loops end with
// ErrDraining, and gives its place back, a durable one keeping its cursors. Then
// Drain returns, and what is left is Close. So for each subscription the events
// accepted since it began are those that it received, passed over and missed.
//
// A subscription is done when what it received is finished: when the callback has
// returned, with the Ack of a delivery, and of a copy with the next receive call.
// Handlers and servers are done when their functions have returned, and servers
// still reply; clients, when the calls under way have ended. Static rings are
// drained with their bus. So Drain does not return before the work is done. But
// it does not return before ctx is done either, if a subscription that has
// something to receive is one that nobody receives from, or if it is called from
// a callback or a handler of this bus, which it would wait for: close such
// subscriptions, and there call it from a goroutine of its own. A context that is
// done begins the drain without waiting.
//
// When ctx ends it, the error names who is not done, and the bus stays draining:
// Drain may be called again, and Close ends everything. Drain is safe for
// concurrent use and idempotent; on a closed bus it returns ErrClosed, also if it
// is closed meanwhile. Other processes notice nothing of it.
func (b *Bus) Drain(ctx context.Context) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	all := []*Bus{b}
	b.draining.Store(true)
	b.statics.mu.Lock()
	for _, r := range b.statics.rings {
		all = append(all, r.bus)
	}
	b.statics.mu.Unlock()
	for _, each := range all {
		if err := each.beginDrain(); err != nil && !each.closed.Load() {
			return fmt.Errorf("bus %s: drain: %w", b.Name(), err)
		}
	}
	for _, each := range all {
		if err := each.awaitDrained(ctx); err != nil {
			return fmt.Errorf("bus %s: drain: %w", b.Name(), err)
		}
	}
	if b.closed.Load() {
		return fmt.Errorf("bus %s: drain: %w", b.Name(), ErrClosed)
	}
	return nil
}

// beginDrain stops the publishers of this process, and lets every lane end, for
// its subscriptions, behind what has been accepted.
func (b *Bus) beginDrain() error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	b.drainMu.Lock() // the end that the first call sets holds
	defer b.drainMu.Unlock()
	b.draining.Store(true)
	for _, l := range b.lanes {
		if err := l.drain(); err != nil {
			return err
		}
	}
	return b.guard(func() error {
		b.endSubscriptions()
		return nil
	})
}

// drain lets no seat of the lane publish any more: neither those that there are
// nor, since newSeat looks at the state of the bus, those to come. When it
// returns, all that was accepted is published.
func (l *laneUse) drain() error {
	for _, s := range l.all() {
		s.mu.Seize()
		s.draining = true
		s.mu.Release()
	}
	return l.bus.guarded(func() error {
		l.WakeRoom()
		return nil
	})
}

// endSubscriptions gives the lanes an end at their tail, for every subscription
// that has none yet and waits for nothing that is still to be published.
func (b *Bus) endSubscriptions() {
	ends := make([]uint64, len(b.region.lanes))
	for i, l := range b.region.lanes {
		ends[i] = l.Stats().Tail
	}
	for _, s := range b.subscriptions() {
		if s.ending.Load() || s.awaits != nil && s.awaits() {
			continue
		}
		s.endAt(ends)
		// One that sleeps looks at this before it sleeps again.
		b.region.bell.Wake(nudgeBit(s.record))
	}
}

// endAt gives the subscription's lanes their ends, those of a group also to lanes
// that it comes to have.
func (s *Subscription) endAt(ends []uint64) {
	if s.group != nil {
		s.acks.mu.Lock()
		defer s.acks.mu.Unlock()
	}
	s.ends = ends
	for _, l := range s.lanes {
		l.reader.StopAt(ends[l.index])
		if l.leaving && s.state.Load()&closed == 0 { // else the last Ack lets go of it
			l.stay()
		}
	}
	s.ending.Store(true)
}

// awaitDrained waits until everything has come to its end.
func (b *Bus) awaitDrained(ctx context.Context) error {
	for {
		turn := b.nextTurn()
		left, err := b.undrained()
		switch {
		case b.closed.Load():
			return nil
		case err != nil || len(left) == 0:
			return err
		}
		select {
		case <-turn:
		case <-b.closing:
		case <-ctx.Done():
			slices.Sort(left)
			return fmt.Errorf("not done: %s: %w", strings.Join(left, ", "), ended(ctx))
		}
	}
}

// undrained names what has not come to its end. It closes subscriptions that have
// while nobody receives from them.
func (b *Bus) undrained() (left []string, err error) {
	if err := b.enter(); err != nil {
		return nil, nil // closed: Drain finds out
	}
	defer b.leave()
	err = b.guard(func() error {
		b.drainMu.Lock()
		b.endSubscriptions() // those that have waited until now
		b.drainMu.Unlock()
		for _, s := range b.subscriptions() {
			s.tryDrained()
		}
		return nil
	})
	b.subMu.Lock()
	defer b.subMu.Unlock()
	for s := range b.subs {
		left = append(left, "subscription "+s.name)
	}
	for d := range b.workers {
		if _, ok := b.subs[d.sub]; !ok {
			left = append(left, "functions of "+d.sub.name)
		}
	}
	return left, err
}

func (b *Bus) subscriptions() []*Subscription {
	b.subMu.Lock()
	defer b.subMu.Unlock()
	return slices.Collect(maps.Keys(b.subs))
}

// tryDrained closes a subscription that has come to its end while nobody receives
// from it and nothing of it is out. One that somebody receives from does that
// itself.
func (s *Subscription) tryDrained() {
	if !s.ending.Load() || !s.look() {
		return
	}
	defer s.lookAway()
	if s.viewed {
		s.settle()
	}
	if !s.inHand() && s.deferred == nil && s.atEnd() {
		_ = s.leaveDrained()
	}
}

// inHand tells whether an event has been handed out and is not finished.
func (s *Subscription) inHand() bool {
	return s.current != nil || s.acks != nil && (s.acks.last != nil || len(s.acks.kept) > 0)
}

// leaveDrained closes the subscription at the end of its lanes: whoever receives
// gives its place back as he leaves.
func (s *Subscription) leaveDrained() error {
	err := s.release() // for the counts
	s.drained.Store(true)
	s.state.Or(closed)
	if err == nil {
		err = s.gone()
	}
	return err
}

// atEnd tells whether all events before the ends of the lanes have been handed
// out.
func (s *Subscription) atEnd() bool {
	if s.acks != nil {
		s.acks.mu.Lock()
		defer s.acks.mu.Unlock()
	}
	return s.readToTheEnd() && (s.group == nil || !s.group.pickUp(s))
}

// readToTheEnd is atEnd for who has the lanes. A lane that is shut until an Ack may
// have more.
func (s *Subscription) readToTheEnd() bool {
	for _, l := range s.lanes {
		if l.next < l.reader.Window() || l.reader.Ready() {
			return false
		}
	}
	return true
}

// nextTurn returns what is closed when something comes closer to its end.
func (b *Bus) nextTurn() <-chan struct{} {
	b.subMu.Lock()
	defer b.subMu.Unlock()
	if b.turn == nil {
		b.turn = make(chan struct{})
	}
	return b.turn
}

// stir lets Drain look again.
func (b *Bus) stir() {
	b.subMu.Lock()
	defer b.subMu.Unlock()
	if b.turn != nil {
		close(b.turn)
		b.turn = nil
	}
}

// refusal tells why the bus accepts no events.
func (b *Bus) refusal() error {
	if b.closed.Load() {
		return fmt.Errorf("bus %s: %w", b.Name(), ErrClosed)
	}
	if b.draining.Load() {
		return fmt.Errorf("bus %s: %w", b.Name(), ErrDraining)
	}
	return nil
}
