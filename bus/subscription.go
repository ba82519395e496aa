package bus

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

// Start says where a new subscription begins.
type Start uint8

const (
	// StartNewest begins with the first event accepted after Subscribe.
	StartNewest Start = iota
	// StartOldest begins with the oldest event that each lane still holds.
	StartOldest
)

// SubscribeOptions say what a subscription receives and how. A nil
// *SubscribeOptions means all defaults.
type SubscribeOptions struct {
	// Name is what viewers show, at most 63 bytes. Default the durable name,
	// or the name of the process.
	Name string
	// Durable names a subscription whose cursors stay in the region while no
	// process has it, so that a restarted process misses nothing on reliable
	// lanes. At most 63 bytes. A process that dies receives again what it had
	// not finished: at least once. An event is finished when the callback
	// that got it has returned, or with the next receive call.
	Durable string
	// Types are what Bus.Subscribe receives; none means all. Subscribe[T]
	// ignores it.
	Types []TypeID
	// Type overrides what T says of itself, for Subscribe[T].
	Type TypeOptions
	// Priorities are the lanes to read. Default: those that the types have of
	// their own; all four if there are no Types, or one that TypeFor has not
	// been asked for.
	Priorities []Priority
	// Start says where a new subscription begins. A durable one that exists
	// goes on where it was.
	Start Start
	// Window is how many events of each lane it may have pinned at a time, out
	// of the lane's pin budget. Default 16.
	Window int
	// Starve bounds how long lower lanes may be passed over: after so many
	// events while one of them had some, it gets its turn. Default 64.
	Starve int
	// Wait is how it waits. Default Options.Wait.
	Wait Wait
}

// SubscriberStats count what one subscription saw.
type SubscriberStats struct {
	Received  uint64 // events delivered
	Filtered  uint64 // events passed over because of their type
	Missed    uint64 // events overwritten before it came to them
	Evictions uint64 // times that it lost its hold on a reliable lane
	Depth     uint64 // events published and not received, all lanes
}

// Subscription receives events of several types. One goroutine at a time may
// receive; Close and Stats may be called from any.
type Subscription struct {
	bus    *Bus
	record int
	word   subState
	name   string
	lanes  []*subLane // highest priority first
	wanted []bool     // by type, nil for all
	mask   uint32     // bell bits it cares for
	starve int
	wait   Wait

	durable bool
	state   atomic.Uint32
	done    chan struct{} // closed once its place is given back

	// Owned by the receiving goroutine.
	event    Event
	current  *subLane        // lane of the event handed out and not finished
	streak   int             // events handed out since a lower lane had its turn
	served   uint64          // events looked at
	views    []view          // by type
	deferred error           // to be returned by the next call
	heeded   <-chan struct{} // of the context whose end wakes us
	stopHeed func() bool
	stirs    func() bool // stirred, made once

	final atomic.Pointer[SubscriberStats] // once the place is given back
}

// subLane is a subscription's reader on one lane.
type subLane struct {
	*lane
	reader    *ring.Reader
	next      int    // first event of the window not handed out
	served    uint64 // when it was last served, in events of the subscription
	evictions uint64 // of the reader, as last reported
}

// Subscribe subscribes to several types, over several lanes.
func (b *Bus) Subscribe(o *SubscribeOptions) (*Subscription, error) {
	if o == nil {
		o = &SubscribeOptions{}
	}
	return b.subscribe(o, o.Types)
}

func (b *Bus) subscribe(o *SubscribeOptions, types []TypeID) (s *Subscription, err error) {
	if s, err = b.newSubscription(o, types); err != nil {
		return nil, err
	}
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s = nil
			b.leave()
		}
	}()
	defer b.caught(b.mem.Protect(), &err)
	if o.Durable == "" {
		err = s.join(o)
	} else {
		err = s.joinDurable(o)
	}
	if err != nil {
		return nil, err
	}
	b.subMu.Lock()
	b.subs[s] = struct{}{}
	b.subMu.Unlock()
	if b.closed.Load() {
		_ = s.Close()
	}
	return s, nil
}

// newSubscription checks the options; it takes nothing yet.
func (b *Bus) newSubscription(o *SubscribeOptions, types []TypeID) (*Subscription, error) {
	s := &Subscription{
		bus: b, name: o.Name, starve: o.Starve, wait: o.Wait, durable: o.Durable != "",
		done: make(chan struct{}), views: make([]view, b.region.geo.Types+1),
	}
	if s.name == "" {
		s.name = o.Durable
	}
	if s.name == "" {
		s.name = b.opts.Process
	}
	if s.starve == 0 {
		s.starve = 64
	}
	if s.wait == 0 {
		s.wait = b.opts.Wait
	}
	switch {
	case len(o.Name) > maxTypeName || len(o.Durable) > maxTypeName:
		return nil, fmt.Errorf("%w: Name and Durable have at most %d bytes", ErrOptions, maxTypeName)
	case o.Window < 0 || o.Window > ring.MaxPin:
		return nil, fmt.Errorf("%w: Window is %d, must be 0 to %d", ErrOptions, o.Window, ring.MaxPin)
	case s.starve < 0:
		return nil, fmt.Errorf("%w: Starve is %d, must not be negative", ErrOptions, s.starve)
	case o.Start > StartOldest:
		return nil, fmt.Errorf("%w: Start is %d", ErrOptions, o.Start)
	case s.wait > WaitSpin:
		return nil, fmt.Errorf("%w: Wait is %d", ErrOptions, s.wait)
	}
	if len(types) > 0 {
		s.wanted = make([]bool, b.region.geo.Types+1)
		for _, t := range types {
			if t == 0 || int(t) >= len(s.wanted) {
				return nil, fmt.Errorf("%w: type %d; TypeFor gives the ids", ErrOptions, t)
			}
			s.wanted[t] = true
		}
	}
	priorities := o.Priorities
	if len(priorities) == 0 {
		priorities = b.lanesOf(types)
	}
	for _, p := range priorities {
		if !p.valid() {
			return nil, fmt.Errorf("%w: priority %d", ErrOptions, p)
		}
		if len(types) == 0 {
			s.mask |= (1<<typeBits - 1) << (uint32(p-Critical) * typeBits)
		}
		for _, t := range types {
			s.mask |= eventBit(p, t)
		}
	}
	for _, l := range b.region.lanes {
		if slices.Contains(priorities, l.priority) {
			s.lanes = append(s.lanes, &subLane{lane: l})
		}
	}
	s.event.sub = s
	s.stirs = s.stirred
	return s, nil
}

// join takes a record of the region and starts on every lane.
func (s *Subscription) join(o *SubscribeOptions) error {
	r := s.bus.region
	i, word, err := r.claimSubscriber(s.bus.self)
	if err != nil {
		return err
	}
	s.record, s.word = i, word
	rec := &r.subscribers[i]
	rec.name.put(s.name)
	rec.durable.put(o.Durable)
	if err := s.start(o, 0); err != nil {
		r.freeSubscriber(i)
		return err
	}
	if s.durable {
		return nil // not ours until it is nominated
	}
	failpoint.Hit(stepSubActivate)
	s.word = makeSub(subActive, s.bus.self, word.gen())
	rec.state.Store(uint64(s.word))
	return nil
}

// durableTries bounds how often that may be lost: a record that contradicts
// itself is never won.
const durableTries = 1 << 12

// joinDurable takes over the durable subscription of that name, or makes it.
//
// Each round loses to somebody who made it, took it, or left it.
func (s *Subscription) joinDurable(o *SubscribeOptions) error {
	r, b := s.bus.region, s.bus
	for range durableTries {
		if i, word, ok := r.findDurable(o.Durable, subDetached); ok {
			active := makeSub(subActive, b.self, word.gen()+1)
			if !r.subscribers[i].state.CompareAndSwap(uint64(word), uint64(active)) {
				continue
			}
			failpoint.Hit(stepSubResume)
			s.record, s.word = i, active
			r.subscribers[i].name.put(s.name)
			if err := s.start(o, r.subscribers[i].lanes.Load()); err != nil {
				r.detachSubscriber(i)
				return err
			}
			return nil
		}
		if _, word, ok := r.findDurable(o.Durable, subActive); ok {
			if b.recoverIfDead(word.owner()) {
				continue
			}
			return b.held(o.Durable, word.owner())
		}
		if err := s.join(o); err != nil {
			return err
		}
		if word, ok := r.nominate(s.record, o.Durable, s.word); ok {
			s.word = word
			return nil
		}
		r.freeSubscriber(s.record)
	}
	return fmt.Errorf("%w: durable subscription %q is neither free nor held by anybody", ErrCorrupt, o.Durable)
}

func (b *Bus) held(durable string, owner int) error {
	if owner < 0 || owner >= len(b.region.participants) {
		return fmt.Errorf("%w: owner %d of durable subscription %q", ErrCorrupt, owner, durable)
	}
	p := &b.region.participants[owner]
	return fmt.Errorf("durable subscription %q: %w: process %d (%s) has it", durable, ErrInUse, p.pid.Load(), p.name.get())
}

// start opens a reader on each lane: where the cursor stands on those that the
// subscription had before, as the options say on the others.
func (s *Subscription) start(o *SubscribeOptions, had uint64) error {
	rec := &s.bus.region.subscribers[s.record]
	var has uint64
	for _, l := range s.lanes {
		window := o.Window
		if window == 0 {
			window = min(16, l.Geometry().Pins)
		}
		if err := l.Reserve(s.record, window); err != nil {
			return fmt.Errorf("lane %s: %w; ask for a smaller Window, or raise Pins in its LaneGeometry", l.name(), err)
		}
		l.reader = l.NewReader(s.record, window)
		bit, lost := s.bit(l), false
		has |= bit
		switch was := l.Cursor(s.record); {
		case had&bit != 0:
			l.reader.Resume()
			lost = l.Geometry().Reliable && was.Joined && !was.Gated
		case o.Start == StartOldest:
			l.reader.JoinOldest()
		default:
			l.reader.Join()
		}
		l.evictions = l.reader.Evictions()
		if lost {
			l.evictions-- // evicted while it was away: to be told
		}
		// Each lane as soon as it has a cursor: a process that is killed here
		// must find it again.
		rec.lanes.Store(had | has)
	}
	for i, l := range s.bus.region.lanes {
		// Not wanted any more, or left by a process that died in here.
		if bit := uint64(1) << i; s.durable && has&bit == 0 {
			l.ClearCursor(s.record)
		}
	}
	rec.lanes.Store(has)
	return nil
}

func (s *Subscription) bit(l *subLane) uint64 {
	return 1 << slices.Index(s.bus.region.lanes, l.lane)
}

// Stats returns what the subscription has counted, over all lanes and, if it is
// durable, over all processes that had it. It is safe for concurrent use.
func (s *Subscription) Stats() (st SubscriberStats) {
	_ = s.bus.guarded(func() error {
		st = s.count()
		return nil
	})
	if f := s.final.Load(); f != nil {
		return *f
	}
	return st
}

func (s *Subscription) count() (st SubscriberStats) {
	for _, l := range s.lanes {
		c := l.Cursor(s.record)
		st.Received += c.Received
		st.Filtered += c.Filtered
		st.Missed += c.Missed
		st.Evictions += c.Evictions
		st.Depth += c.Depth
	}
	return st
}

// Name returns the name that viewers show.
func (s *Subscription) Name() string { return s.name }

// Remove closes the subscription and forgets it also if it is durable. It fails
// with ErrClosed when the subscription has been closed before.
func (s *Subscription) Remove() error {
	if err := s.close(closed | erased); err != nil {
		return err
	}
	if s.state.Load()&erased == 0 {
		return fmt.Errorf("subscription %s: %w; subscribe again to remove it", s.name, ErrClosed)
	}
	return nil
}

// The life of a subscription, beside its state in the region:
//
//	idle ──receive──> busy ──wait──> busy|asleep
//
// Close sets closed in any of them, Remove erased with it. Idle: Close gives the
// place back. Busy: the receiving goroutine does so when it leaves. Asleep: it is
// woken for that, and calls no callback any more.
const (
	busy   = 1
	closed = 2
	asleep = 4
	erased = 8
)

// begin marks a receive call.
func (s *Subscription) begin() error {
	if s.state.CompareAndSwap(0, busy) {
		return nil
	}
	if s.state.Load()&closed != 0 {
		return fmt.Errorf("subscription %s: %w", s.name, ErrClosed)
	}
	panic("bus: two goroutines receive from the subscription " + s.name)
}

// end ends it.
func (s *Subscription) end() {
	if !s.state.CompareAndSwap(busy, 0) {
		s.finish()
	}
}

// Close gives the subscription's place in the region back; of a durable one the
// cursors stay. A call that waits returns ErrClosed at once, and Close waits for
// it. While a callback runs, Close returns at once, and the place is given back
// when the callback has returned: its events stay valid. Close is idempotent.
func (s *Subscription) Close() error { return s.close(closed) }

func (s *Subscription) close(marks uint32) error {
	for {
		st := s.state.Load()
		if st&closed != 0 {
			return nil
		}
		if !s.state.CompareAndSwap(st, st|marks) {
			continue
		}
		switch {
		case st&busy == 0:
			return s.finish()
		case st&asleep != 0:
			_ = s.bus.guarded(func() error {
				s.bus.region.bell.Wake(nudgeBit(s.record))
				return nil
			})
			<-s.done
		}
		return nil
	}
}

// finish runs once, when nobody receives any more.
func (s *Subscription) finish() error {
	b := s.bus
	s.unheed()
	b.subMu.Lock()
	delete(b.subs, s)
	b.subMu.Unlock()
	err := b.guard(func() error {
		st := s.count()
		s.final.Store(&st)
		if s.durable && s.state.Load()&erased == 0 {
			s.settle()
			b.region.detachSubscriber(s.record)
		} else {
			b.region.freeSubscriber(s.record)
		}
		return nil
	})
	close(s.done)
	return errors.Join(err, b.release())
}
