package bus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// Bus is one process's attachment to a region, or a region of its own. It is
// safe for concurrent use.
type Bus struct {
	opts   Options
	mem    backing
	region *region
	self   int // our participant
	lanes  []*laneUse
	probed []atomic.Int64 // when each participant was last seen alive, see probe

	goTypes sync.Map // goTypeKey -> goType
	views   sync.Map // viewKey -> size in bytes
	typeMu  sync.Mutex
	lockMu  sync.Mutex // lock bytes belong to the attachment, not to goroutines

	// users counts what keeps the memory mapped: the bus while it is open,
	// each call under way, each port, each subscription.
	users       atomic.Int64
	closed      atomic.Bool
	draining    atomic.Bool
	drainMu     sync.Mutex
	closing     chan struct{}
	janitorDone chan struct{}
	reporter    *reporter // nil without OnMetrics

	subMu sync.Mutex
	subs  map[*Subscription]struct{}
	// workers are the dispatchers of handlers and servers. Under subMu.
	workers map[*dispatcher]struct{}
	// turn is closed and made anew when a subscription comes closer to being
	// drained; nil while nobody waits for that. Under subMu.
	turn chan struct{}

	statics staticRings // beside this region
	parent  *Bus        // of a static ring's bus: the one that it was opened from
}

// Open joins the region of that name, or creates it. However many processes
// start at the same time, they get the same region. Unless the options are
// empty there, its geometry must be as they say; a *GeometryError names what
// differs. Other errors are ErrOptions, ErrTooMany when there are as many
// participants as the region takes, ErrUnsupported, ErrNoSpace, ErrNotExist with
// Options.Join, and what else may be found under the name: ErrForeign,
// ErrDamaged, ErrVersion, ErrOwner.
func Open(name string, o *Options) (*Bus, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	geo := opts.Geometry.withDefaults()
	if err := geo.validate(); err != nil {
		return nil, err
	}
	so := opts.shm()
	var mem *shm.Region
	created := false
	if opts.Join {
		mem, err = shm.Open(name, so)
	} else {
		layout := geo.layout()
		so.Size = int64(layout.size)
		if so.Meta, err = geo.encode(); err != nil {
			return nil, err
		}
		so.Init = func(b []byte) error { return formatRegion(b, &geo) }
		mem, created, err = shm.OpenOrCreate(name, so)
	}
	if err != nil {
		return nil, asked(err)
	}
	failpoint.Hit(stepRegionOpen)
	b, err := newBus(mem, opts, mem.Meta())
	if err != nil {
		return nil, errors.Join(err, mem.Release())
	}
	if s := b.region.geo.static; s.is() {
		return nil, errors.Join(fmt.Errorf("%w: region %s is static ring %s of region %s; use OpenStatic", ErrOptions, name, s.Ring, s.Region), b.Close())
	}
	if created {
		_ = removeStatics(name, "", &opts) // of an earlier region of that name
	}
	if d := b.region.geo.diff(opts.Geometry); len(d) > 0 && !created {
		return nil, errors.Join(&GeometryError{Region: mem.Path(), Differences: d}, b.Close())
	}
	return b, nil
}

// OpenLocal makes a bus inside this process, on its heap. Everything means the
// same as on a shared one, on every operating system.
func OpenLocal(o *Options) (*Bus, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	geo := opts.Geometry.withDefaults()
	if err := geo.validate(); err != nil {
		return nil, err
	}
	meta, err := geo.encode()
	if err != nil {
		return nil, err
	}
	layout := geo.layout()
	mem := newHeap(layout.size)
	if err := formatRegion(mem.Bytes(), &geo); err != nil {
		return nil, err
	}
	return newBus(mem, opts, meta)
}

// newBus attaches to memory that is laid out.
func newBus(mem backing, opts Options, meta []byte) (_ *Bus, err error) {
	geo, err := decodeGeometry(meta)
	if err != nil {
		return nil, err
	}
	most := 1
	for p := Critical; p <= Low; p++ {
		most = max(most, geo.Lane(p).Ports)
	}
	opts.PortsPerLane = min(opts.PortsPerLane, most) // there are no more
	b := &Bus{
		opts: opts, mem: mem, self: -1,
		closing: make(chan struct{}), janitorDone: make(chan struct{}),
		subs: make(map[*Subscription]struct{}), workers: make(map[*dispatcher]struct{}),
	}
	defer b.caught(protect(), &err)
	if b.region, err = bindRegion(mem.Bytes(), geo, parkerFor(mem)); err != nil {
		return nil, err
	}
	if err := b.attach(); err != nil {
		return nil, err
	}
	for i, l := range b.region.lanes {
		b.lanes = append(b.lanes, &laneUse{bus: b, lane: l, index: i})
	}
	b.probed = make([]atomic.Int64, geo.Participants)
	b.users.Store(1)
	go b.janitor()
	go lightenFences()
	if opts.OnMetrics != nil {
		b.reporter = &reporter{done: make(chan struct{})}
		go b.reporter.run(b)
	}
	return b, nil
}

// Remove removes a region that nobody is attached to, and its static rings. It
// fails with ErrInUse while somebody is. "REGION/RING" names a static ring.
func Remove(name string, o *Options) error { return remove(name, o, shm.Remove) }

// RemoveForce removes a region whatever its state, and its static rings.
// Processes that are attached go on with memory that nobody else can join any
// more. "REGION/RING" names a static ring. Who is attached uses Bus.RemoveForce,
// and who cannot attach RemoveDamaged: neither takes away what another process has
// made meanwhile.
func RemoveForce(name string, o *Options) error { return remove(name, o, shm.RemoveForce) }

func remove(name string, o *Options, from func(string, *shm.Options) error) error {
	opts, err := o.withDefaults()
	if err != nil {
		return err
	}
	file, err := fileOf(name, &opts)
	if err != nil {
		return asked(err)
	}
	id, _ := shm.Identify(file, opts.shm())
	if err = from(file, opts.shm()); err != nil && !errors.Is(err, ErrNotExist) {
		return asked(err)
	}
	failpoint.Hit(stepRegionGone)
	return errors.Join(asked(err), removeStatics(name, hex.EncodeToString(id[:]), &opts))
}

// Name returns the name of the region, "local" for a bus of OpenLocal.
func (b *Bus) Name() string {
	if b.parent != nil {
		return b.parent.Name() + "/" + b.region.geo.static.Ring
	}
	return b.mem.Name()
}

// Geometry returns the shape of the region, as it was created.
func (b *Bus) Geometry() Geometry { return b.region.geo }

// ID returns the number of this participant, as events carry it in Source.
func (b *Bus) ID() int { return b.self }

// Close gives back what this process holds in the region: its subscriptions
// (durable ones keep their cursors), its ports, its seat. Whoever waits in a
// call on this bus returns ErrClosed. The memory stays mapped while a callback
// still reads in place, or a loan is out. Close is idempotent and may be called
// at any time, also from a callback.
func (b *Bus) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	close(b.closing)
	<-b.janitorDone
	if b.reporter != nil {
		b.reporter.stop()
	}
	b.subMu.Lock()
	subs := make([]*Subscription, 0, len(b.subs))
	for s := range b.subs {
		subs = append(subs, s)
	}
	b.subMu.Unlock()
	errs := []error{b.statics.close()}
	for _, s := range subs {
		errs = append(errs, s.Close())
	}
	for _, l := range b.lanes {
		errs = append(errs, l.close())
	}
	return errors.Join(append(errs, b.release())...)
}

// enter keeps the memory mapped until leave. It fails once the bus is closed.
func (b *Bus) enter() error {
	if !b.retain() {
		return fmt.Errorf("bus %s: %w", b.Name(), ErrClosed)
	}
	if b.closed.Load() {
		b.leave()
		return fmt.Errorf("bus %s: %w", b.Name(), ErrClosed)
	}
	return nil
}

// admit is enter for who wants to begin something new. It fails once the bus is
// draining, too.
func (b *Bus) admit() error {
	if err := b.enter(); err != nil {
		return err
	}
	if b.draining.Load() {
		b.leave()
		return fmt.Errorf("bus %s: %w", b.Name(), ErrDraining)
	}
	return nil
}

func (b *Bus) leave() { _ = b.release() }

// retain adds a user of the memory, unless the last one has gone.
func (b *Bus) retain() bool {
	for {
		n := b.users.Load()
		if n <= 0 {
			return false
		}
		if b.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release takes a user away. The last one gives up the participant's seat: its
// lock byte drops with the memory.
func (b *Bus) release() error {
	if b.users.Add(-1) > 0 {
		return nil
	}
	err := b.guard(func() error {
		b.region.participants[b.self].state.Store(participantFree)
		return nil
	})
	err = errors.Join(err, b.mem.Release())
	if b.parent != nil {
		// Whoever has the ring has its bus's region: that is in use for as long.
		err = errors.Join(err, b.parent.release())
	}
	return err
}

// guarded runs f with the memory mapped and faults turned into errors.
func (b *Bus) guarded(f func() error) error {
	if !b.retain() {
		return ErrClosed
	}
	defer b.leave()
	return b.guard(f)
}

func (b *Bus) guard(f func() error) (err error) {
	defer b.caught(protect(), &err)
	return f()
}

// nudge wakes subscription i if it sleeps, so that it passes over events it
// does not care for.
func (b *Bus) nudge(i int) {
	i = b.region.sleeper(i)
	if b.region.subscribers[i].waiting.Load() != 0 {
		b.region.bell.Wake(nudgeBit(i))
	}
}

// The bell's 32 bits: seven for each priority, into which the types are folded,
// three by which single subscriptions are woken whatever they care for, and
// ring.KeyBit.
const (
	typeBits  = 7
	nudgeBits = 3
)

func eventBit(p Priority, t TypeID) uint32 {
	return 1 << (uint32(p-Critical)*typeBits + uint32(t)%typeBits)
}

// allNudges wakes every subscription that sleeps.
const allNudges = uint32(1<<nudgeBits-1) << (priorities * typeBits)

func nudgeBit(i int) uint32 { return 1 << (uint32(priorities*typeBits) + uint32(i)%nudgeBits) }
