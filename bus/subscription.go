package bus

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
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
	// that got it has returned; a copy with the next receive call, and not by
	// Close.
	Durable string
	// HoldEvents, HoldFor and HoldPolicy say how much a durable subscription,
	// or a lane of a group, may hold back on reliable lanes while no process
	// has it: publishers wait for it within these bounds, and no longer. They
	// are no bounds of what it gets: all that its lanes still have when it comes
	// back, it receives; the rest is a gap, and the first *LagError has its
	// exact size. A process that takes the subscription over states them anew.
	//
	// HoldEvents is how many events publishers may get ahead of it on each
	// lane; the next one meets HoldPolicy. 0 is no bound of its own: a lap
	// ahead, the lane is full, and publishers wait for it as HoldFor says.
	HoldEvents uint64
	// HoldFor is for how long after its process went publishers wait for it
	// where a lane is full; then it is evicted. 0 is the EvictAfter of the
	// lane, from when one of them begins to wait. It is kept to the
	// microsecond, rounded up, and not for use with HoldBlock.
	HoldFor time.Duration
	// HoldPolicy is HoldEvict or HoldBlock. Default HoldEvict.
	HoldPolicy HoldPolicy
	// Group names a group of subscriptions, in any processes, that share the
	// events of their lanes: each event goes to one of them. Each lane, which
	// is each shard of each priority, belongs to one member at a time, so that
	// the order of a key holds; members that join, leave or die have the lanes
	// dealt out anew, in equal shares as far as that goes. To spread work, give
	// the priority Shards and the events keys.
	//
	// A group is durable: what it has not finished waits for its next member,
	// on reliable lanes, until RemoveGroup. Start says where a new group
	// begins. What a member had not finished when it died is received again by
	// whoever has the lane next, and so is a copy that a member had not
	// finished when it was closed: at least once. An event is finished as with
	// Durable, or by the Ack of a delivery; see Take.
	//
	// All members must want the same types and lanes, and the same Filter, of
	// which functions cannot be compared: a *GroupError names what differs. A
	// member shares only while it is in a receive call, or comes back to one:
	// one that stops receiving, or whose process is stopped, keeps the lanes
	// that it has. At most 63 bytes; not together with Durable.
	Group string
	// Types are what Bus.Subscribe and Bus.Handle receive; none means all.
	// Subscribe[T], Handle[T] and Serve ignore it.
	Types []TypeID
	// Filter says which of these it receives. What it does not take is passed
	// over in place and counts as filtered. Default all.
	Filter Filter
	// Type overrides what T says of itself, for Subscribe[T] and Handle[T], and
	// what Req does, for Serve.
	Type TypeOptions
	// Priorities are the lanes to read. Default: all that the types declare,
	// in Priority and Also, and all four if there are no Types.
	Priorities []Priority
	// Start says where a new subscription begins. A durable one that exists
	// goes on where it was, and begins so on lanes that it did not read.
	Start Start
	// Position is where a subscription of a single lane begins under
	// StartPosition: the position of the event to be received first, one more
	// than the Header.Position of the last that was received before, say. One
	// that is not published yet is an error, but for the next to be.
	Position uint64
	// Positions are where a subscription of several lanes begins under
	// StartPosition: one for each lane that it reads; other lanes of the
	// region are ignored.
	// LaneInfo.Tail of a Snapshot is the position of what comes next.
	Positions map[LaneID]uint64
	// OnLag says where it goes on after a gap: events that were overwritten
	// before it came to them, on a lossy lane or after an eviction, or before
	// it began under StartPosition. Default ResumeOldest.
	OnLag Resume
	// Window is how many events of each lane it may have pinned at a time, out
	// of the lane's pin budget. Default 16, or half of what is left where that
	// is less.
	Window int
	// Starve bounds how long lower lanes may be passed over: after so many
	// events while one of them had some, it gets its turn. Default 64.
	Starve int
	// Wait is how it waits. Default Options.Wait.
	Wait Wait
	// Timeout bounds how long its receive calls and loops wait, as
	// Options.Timeout does for all. Default Options.Timeout; negative is no
	// bound.
	Timeout time.Duration

	looksAt int         // of subscriptions to one type: bytes of a slot, 0 if not known
	serves  TypeID      // of servers: the type of the requests
	wish    int         // of handlers: what Window should be by default
	awaits  func() bool // of clients: whether a call is under way
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
	single TypeID     // the only one wanted, 0 if there are more; of a lane
	filter filterTest // nil for all
	keys   []uint64   // it is woken by these, nil if by mask
	tags   uint64     // a bit for each tag that events of keys have
	sieve  filterTest // what of filter and wanted can be told by the header, nil if there is no such filter
	mask   uint32     // bell bits it cares for
	starve int
	wish   int
	wait   Wait
	// timeout bounds waits that have no earlier end, 0 for none.
	timeout time.Duration

	durable bool
	call    mark // a receive call is under way
	state   atomic.Uint32
	ending  atomic.Bool   // its bus is draining, and its lanes have an end
	ends    []uint64      // by lane of the region, once ending is set
	drained atomic.Bool   // it has come to the end of all its lanes
	done    chan struct{} // closed once its place is given back
	onClose atomic.Pointer[func()]
	awaits  func() bool // if not nil: whether events are to come that its bus still waits for

	// Owned by the receiving goroutine.
	event    Event
	counts   *receiveCounts         // of its record
	viewed   bool                   // the event handed out last went to a callback that has returned
	within   bool                   // a call hands events to a callback
	keep     bool                   // the call under way copies for a subscription that outlasts its process
	copied   bool                   // copies of such a batch are not finished
	current  *subLane               // lane of the event handed out and not finished
	only     *subLane               // the lane it reads, if it is one, and events are finished in order, unfiltered and not one by one
	handed   int                    // within a stretch: the event of the window that it began with; else noStretch
	polls    bool                   // the call under way does not wait
	loiter   loiter                 // of who has read all, before it sleeps
	streak   int                    // events handed out since a lower lane had its turn
	served   uint64                 // events looked at
	armed    bool                   // looks at its lanes once more before it sleeps
	ticket   ring.Ticket            // since when
	passed   int                    // events of other types since take was called
	views    []atomic.Pointer[view] // by type; deliveries are viewed by any goroutine
	deferred error                  // to be returned by the next call
	asked    *subLane               // lane of the event that the filter is asked about
	askedOf  TypeID                 // its type
	heeded   <-chan struct{}        // of the context whose end wakes us
	stopHeed func() bool
	stirs    func() bool // stirred, made once
	acks     *acks       // from the first Take on, and of a member of a group
	group    *membership // of a member of a group

	final atomic.Pointer[SubscriberStats] // once the place is given back
}

// subLane is a subscription's reader on one lane.
type subLane struct {
	*lane
	record int // whose cursor it is
	reader *ring.Reader
	next   int    // first event of the window not handed out
	served uint64 // when it was last served, in events of the subscription
	window int
	heels  heels

	// Of a subscription with acks; see lent.
	lent []lent // by position, one for each event of a window
	out  int    // events handed out and not finished
	shut bool   // takes no more before one of them is

	// Of a member of a group.
	leaving bool            // let go of as soon as nothing is out
	since   int64           // it has been leaving, in ns of Now
	base    SubscriberStats // what others had counted before
}

// Subscribe subscribes to several types, over several lanes. The subscription has
// begun when the call returns. Its errors are ErrOptions, ErrTooMany,
// ErrPinBudget, an *InUseError for a durable name that a live process has, a
// *GroupError, ErrClosed, ErrDraining, ErrCorrupt and ErrFault. Close the
// subscription when it is no longer needed; closing the bus closes it, too.
func (b *Bus) Subscribe(o *SubscribeOptions) (*Subscription, error) {
	if o == nil {
		o = &SubscribeOptions{}
	}
	return b.subscribe(o, o.Types)
}

func (b *Bus) subscribe(o *SubscribeOptions, types []TypeID) (s *Subscription, err error) {
	if err := b.admit(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s = nil
			b.leave()
		}
	}()
	defer b.caught(protect(), &err)
	if s, err = b.newSubscription(o, types); err != nil {
		return nil, err
	}
	switch {
	case o.Group != "":
		err = s.joinGroup(o)
	case o.Durable != "":
		err = s.joinDurable(o)
	default:
		err = s.join(o)
	}
	if err != nil {
		return nil, err
	}
	b.subMu.Lock()
	b.subs[s] = struct{}{}
	b.subMu.Unlock()
	if b.closed.Load() || b.draining.Load() {
		_ = s.Close()
	}
	return s, nil
}

// newSubscription checks the options; it takes nothing yet.
func (b *Bus) newSubscription(o *SubscribeOptions, types []TypeID) (*Subscription, error) {
	s := &Subscription{
		bus: b, name: o.Name, starve: o.Starve, wish: o.wish, wait: o.Wait, durable: o.Durable != "", awaits: o.awaits,
		handed: noStretch, done: make(chan struct{}), views: make([]atomic.Pointer[view], b.region.geo.Types+1),
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
	if s.timeout = max(o.Timeout, 0); o.Timeout == 0 {
		s.timeout = b.opts.Timeout
	}
	switch {
	case len(o.Name) > maxTypeName || len(o.Durable) > maxTypeName || len(o.Group) > maxTypeName:
		return nil, fmt.Errorf("%w: Name, Durable and Group have at most %d bytes", ErrOptions, maxTypeName)
	case o.Group != "" && o.Durable != "":
		return nil, fmt.Errorf("%w: Durable is for one process at a time, Group for several; a group is durable, too", ErrOptions)
	case o.Window < 0 || o.Window > ring.MaxPin:
		return nil, fmt.Errorf("%w: Window is %d, must be 0 to %d", ErrOptions, o.Window, ring.MaxPin)
	case s.starve < 0:
		return nil, fmt.Errorf("%w: Starve is %d, must not be negative", ErrOptions, s.starve)
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
		if len(types) == 1 && !b.region.geo.static.is() {
			s.single = types[0]
		}
	}
	var err error
	if err := s.compile(o.Filter, &filterScope{bus: b, types: types}); err != nil {
		return nil, err
	}
	priorities := o.Priorities
	if len(priorities) == 0 {
		if priorities, err = b.lanesOf(types); err != nil {
			return nil, err
		}
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
	if len(s.lanes) == 1 && s.filter == nil && !s.durable {
		s.only = s.lanes[0]
		s.only.heels = heels{eases: s.wait == WaitAuto && s.only.priority >= Normal}
	}
	s.event.sub = s
	s.stirs = s.stirred
	if err := o.checkHold(); err != nil {
		return nil, err
	}
	return s, o.checkStart(b.region, s.lanes)
}

// lanesOf returns the priorities of registered types; all if there are none.
func (b *Bus) lanesOf(types []TypeID) ([]Priority, error) {
	if len(types) == 0 {
		return []Priority{Critical, High, Normal, Low}, nil
	}
	var ps []Priority
	for _, id := range types {
		t, err := b.region.types.at(int(id) - 1)
		if err != nil {
			return nil, err
		}
		if t == nil {
			return nil, fmt.Errorf("%w: type %d is not registered; TypeFor gives the ids", ErrOptions, id)
		}
		ps = append(ps, t.lanes().list()...)
	}
	return ps, nil
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
	s.counts = &rec.counts
	rec.wakeups.Store(0)
	rec.name.put(s.name)
	rec.durable.put(o.Durable)
	failpoint.Hit(stepSubTypes)
	rec.types.put(s.wanted)
	if o.serves != 0 {
		rec.serve(word, o.serves)
	}
	rec.setHold(o)
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

// start opens a reader on each lane: where the cursor stands on those that the
// subscription had before, as the options say on the others.
func (s *Subscription) start(o *SubscribeOptions, had uint64) error {
	rec := &s.bus.region.subscribers[s.record]
	var has uint64
	for _, l := range s.lanes {
		l.record = s.record
		bit := l.bit()
		has |= bit
		if err := s.openLane(l, o, had&bit != 0); err != nil {
			return err
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
	s.loiter.read = s.come()
	return nil
}

// openLane opens a reader on a lane: where its cursor stands, or as the options
// say.
func (s *Subscription) openLane(l *subLane, o *SubscribeOptions, resume bool) error {
	window, err := s.reserve(l, o.Window)
	if had := l.Cursor(l.record).Reserved; err != nil && resume && s.group != nil && had > 0 {
		window, err = had, nil // a lease has what its last holder had
	}
	if err != nil {
		return err
	}
	l.reader, l.window = l.newReader(l.record, window, o), window
	if resume {
		l.reader.Resume()
	} else if err := l.begin(o); err != nil {
		return err
	}
	return nil
}

// defaultWindow is what a subscription that does not say gets, if it is to be had.
const defaultWindow = 16

// reserve sets pins aside on a lane: as many as asked for, or by default at most
// half of what is left, so that those who come later get some, too.
func (s *Subscription) reserve(l *subLane, window int) (int, error) {
	if window > 0 {
		err := l.Reserve(l.record, window)
		if err != nil {
			err = fmt.Errorf("lane %s: %w; ask for a smaller Window, or raise Pins in %s", l.name(), err, l.shaped())
		}
		return window, err
	}
	wish := min(max(defaultWindow, s.wish), ring.MaxPin)
	for window = max(1, min(wish, l.Left(l.record)/2)); ; window /= 2 {
		err := l.Reserve(l.record, window)
		if err == nil {
			return window, nil
		}
		if window == 1 {
			return 0, fmt.Errorf("lane %s: %w; raise Pins in %s", l.name(), err, l.shaped())
		}
	}
}

// bits are the lanes that the subscription reads.
func (s *Subscription) bits() (all uint64) {
	for _, l := range s.lanes {
		all |= l.bit()
	}
	return all
}

// Name returns the name that viewers show.
func (s *Subscription) Name() string { return s.name }
