package bus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

const (
	laneStatic = "static"

	// staticType is the only type of a static ring, which it has from its making.
	staticType TypeID = 1
)

func staticLane(ring string) string { return laneStatic + "/" + ring }

// staticRing is one static ring as one bus has it open: a bus over a region whose
// only lane has slots without headers. So attaching, liveness, recovery,
// subscriptions, eviction and viewing are those of every region.
type staticRing struct {
	name string
	home *Bus
	bus  *Bus
	uses int // under home.statics.mu
}

// staticRings are those of a bus.
type staticRings struct {
	mu    sync.Mutex
	rings map[string]*staticRing
}

// openStatic opens a ring, once for all of this bus.
func (b *Bus) openStatic(name string, t *typeInfo, o *StaticOptions) (*staticRing, error) {
	if err := checkRing(name); err != nil {
		return nil, err
	}
	asked := o.geometry()
	geo := asked.withStaticDefaults(t.layout.Size)
	geo.static = staticOf{Ring: name, Region: b.Name()}
	if err := geo.validate(); err != nil {
		return nil, fmt.Errorf("static ring %s: %w", name, err)
	}
	if err := b.admit(); err != nil {
		return nil, err
	}
	defer b.leave()
	b.statics.mu.Lock()
	defer b.statics.mu.Unlock()
	// Again under the lock: Close and Drain see to the rings that they find there.
	if err := b.refusal(); err != nil {
		return nil, err
	}
	r := b.statics.rings[name]
	created := false
	if r == nil {
		var err error
		if r, created, err = b.newStatic(&geo, t, o.Join); err != nil {
			return nil, fmt.Errorf("static ring %s: %w", name, err)
		}
	}
	if !created {
		if err := r.agrees(&asked, t); err != nil {
			if r.uses == 0 && !r.bus.isLocal() {
				err = errors.Join(err, r.bus.Close())
			}
			return nil, err
		}
	}
	if b.statics.rings == nil {
		b.statics.rings = make(map[string]*staticRing)
	}
	b.statics.rings[name] = r
	r.uses++
	return r, nil
}

// agrees tells whether the ring is as somebody wants it who did not make it.
func (r *staticRing) agrees(asked *Geometry, t *typeInfo) error {
	var have *typeInfo
	if err := r.bus.guarded(func() (err error) {
		have, err = r.bus.region.types.at(int(staticType) - 1)
		return err
	}); err != nil {
		return err
	}
	if have == nil {
		return fmt.Errorf("%w: static ring %s has no type", ErrCorrupt, r.name)
	}
	var d []string
	if have.name != t.name {
		d = append(d, fmt.Sprintf("name: %s here, %s there", t.name, have.name))
	}
	if d = append(d, t.diff(have)...); len(d) > 0 {
		return &SchemaError{Type: have.name, Differences: d}
	}
	if have.layout.Size > r.bus.region.lanes[0].Geometry().SlotSize {
		return fmt.Errorf("%w: static ring %s has slots of %d bytes for values of %d", ErrCorrupt, r.name, r.bus.region.lanes[0].Geometry().SlotSize, have.layout.Size)
	}
	for _, line := range r.bus.region.geo.diff(*asked) {
		d = append(d, strings.TrimPrefix(line, Normal.String()+" "))
	}
	if len(d) > 0 {
		return &GeometryError{Region: r.bus.Name(), Differences: d}
	}
	return nil
}

// newStatic makes or joins the region of a ring.
func (b *Bus) newStatic(geo *Geometry, t *typeInfo, join bool) (*staticRing, bool, error) {
	var mem backing
	var meta []byte
	created := false
	switch home := b.mem.(type) {
	case *shm.Region:
		id := home.ID()
		geo.static.Region, geo.static.ID = home.Name(), hex.EncodeToString(id[:])
		failpoint.Hit(stepStaticOpen)
		m, made, err := openStaticRegion(home, geo, t, join)
		if err != nil {
			return nil, false, asked(err)
		}
		failpoint.Hit(stepStaticOpened)
		mem, meta, created = m, m.Meta(), made
	default:
		if join {
			return nil, false, ErrNotExist
		}
		var err error
		if meta, err = geo.encode(); err != nil {
			return nil, false, err
		}
		layout := geo.layout()
		mem, created = newHeap(layout.size), true
		if err := formatStatic(mem.Bytes(), geo, t); err != nil {
			return nil, false, err
		}
	}
	inner, err := newBus(mem, b.staticOptions(), meta)
	if err != nil {
		return nil, false, errors.Join(err, mem.Release())
	}
	if inner.region.geo.static != geo.static {
		return nil, false, errors.Join(fmt.Errorf("%w: %s is no static ring of region %s", ErrForeign, geo.static.file(), b.Name()), inner.Close())
	}
	b.retain() // the caller has entered
	inner.parent = b
	return &staticRing{name: geo.static.Ring, home: b, bus: inner}, created, nil
}

// openStaticRegion makes or joins the region beside that of a bus, and for the
// same users.
func openStaticRegion(home *shm.Region, geo *Geometry, t *typeInfo, join bool) (*shm.Region, bool, error) {
	so := &shm.Options{Dir: filepath.Dir(home.Path())}
	so.Mode, so.Group = home.Access()
	if join {
		mem, err := shm.Open(geo.static.file(), so)
		return mem, false, err
	}
	layout := geo.layout()
	so.Size = int64(layout.size)
	meta, err := geo.encode()
	if err != nil {
		return nil, false, err
	}
	so.Meta = meta
	so.Init = func(b []byte) error { return formatStatic(b, geo, t) }
	return shm.OpenOrCreate(geo.static.file(), so)
}

// formatStatic lays out a fresh ring, with its type.
func formatStatic(mem []byte, geo *Geometry, t *typeInfo) error {
	if err := formatRegion(mem, geo); err != nil {
		return err
	}
	r, err := bindRegion(mem, *geo, nil)
	if err != nil {
		return err
	}
	_, err = r.types.register(*t, 0)
	return err
}

// staticOptions are those of a ring's bus.
func (b *Bus) staticOptions() Options {
	return Options{
		Process: b.opts.Process, Wait: b.opts.Wait, Timeout: b.opts.Timeout, Heal: b.opts.Heal,
		PortsPerLane: b.opts.PortsPerLane, RecoverEvery: b.opts.RecoverEvery,
	}
}

func (b *Bus) isLocal() bool {
	_, ok := b.mem.(*heap)
	return ok
}

// leave takes a user of the ring away. With the last one of this bus goes its
// attachment; what is on the heap stays for the next.
func (r *staticRing) leave() error {
	s := &r.home.statics
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.uses--; r.uses > 0 || r.bus.isLocal() || s.rings[r.name] != r {
		return nil
	}
	delete(s.rings, r.name)
	failpoint.Hit(stepStaticClose)
	return r.bus.Close()
}

// close closes all rings of a bus.
func (s *staticRings) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, r := range s.rings {
		errs = append(errs, r.bus.Close())
	}
	s.rings = nil
	return errors.Join(errs...)
}

// geometry is what the options say.
func (o *StaticOptions) geometry() Geometry {
	return Geometry{
		Participants: o.Participants, Subscribers: o.Subscribers,
		Normal: LaneGeometry{
			Capacity: o.Capacity, Policy: o.Policy, Ports: o.Ports, Pins: o.Pins, Batch: o.Batch, EvictAfter: o.EvictAfter,
		},
	}
}

// withStaticDefaults fills in what g leaves open, for values of a size.
func (g Geometry) withStaticDefaults(size int) Geometry {
	const line = 64
	for _, f := range []struct {
		v   *int
		def int
	}{
		{&g.Participants, 64}, {&g.Subscribers, 64}, {&g.Types, 1},
		{&g.Normal.Shards, 1}, {&g.Normal.Capacity, 4096}, {&g.Normal.SlotSize, max(size+line-1, line) / line * line},
		{&g.Normal.Ports, 8}, {&g.Normal.Pins, 256}, {&g.Normal.Batch, 64},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
	}
	if g.Normal.Policy == 0 {
		g.Normal.Policy = Reliable
	}
	if g.Normal.EvictAfter == 0 {
		g.Normal.EvictAfter = time.Second
	}
	g.Normal.NoTime = true
	return g
}
