package bus

import (
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/shm"
)

// Viewer looks at a region without taking part: it maps it read-only, holds
// nothing in it, and neither wakes nor slows anybody. It is safe for concurrent
// use.
type Viewer struct {
	name   string
	mem    *shm.Region
	region *region
	closed atomic.Bool
}

// Inspect opens a region for viewing; "REGION/RING" names a static ring. It needs
// only read permission.
func Inspect(name string, o *Options) (v *Viewer, err error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	file, err := fileOf(name, &opts)
	if err != nil {
		return nil, asked(err)
	}
	mem, err := shm.View(file, opts.shm())
	if err != nil {
		return nil, asked(err)
	}
	v = &Viewer{name: name, mem: mem}
	geo, err := decodeGeometry(mem.Meta())
	if err == nil {
		v.region, err = v.bind(geo)
	}
	if err != nil {
		_ = mem.Release()
		return nil, err
	}
	return v, nil
}

func (v *Viewer) bind(geo Geometry) (r *region, err error) {
	defer v.mem.Caught(protect(), &err)
	return bindRegion(v.mem.Bytes(), geo, nil)
}

// Snapshot describes the region. A region that has been removed, or replaced by
// another of its name, is still described, with StateRemoved; one that somebody has
// scribbled over, as far as it can be read, with StateCorrupt.
func (v *Viewer) Snapshot() (s Snapshot, err error) {
	if !v.mem.Retain() {
		return s, fmt.Errorf("viewer of %s: %w", v.name, ErrClosed)
	}
	defer func() { _ = v.mem.Release() }()
	defer v.mem.Caught(protect(), &err)
	s = v.region.snapshot(v.name, len(v.mem.Bytes()), func(i int, p *participant) bool {
		return isAlive(v.mem, i, p)
	})
	if s.State = stateOf(v.mem.Check()); s.State == StateOpen {
		s.State = stateOf(v.region.check())
	}
	return s, nil
}

// Close ends the viewing. It is idempotent.
func (v *Viewer) Close() error {
	if v.closed.Swap(true) {
		return nil
	}
	return v.mem.Release()
}
