package main

import (
	"errors"
	"sync"

	"github.com/rvoip/shmbus/bus"
)

// errRemoved says that the region which was watched is no longer in its directory.
var errRemoved = errors.New("the region was removed")

// source is what the views need of a *bus.Viewer.
type source interface {
	Snapshot() (bus.Snapshot, error)
	Close() error
}

// opener opens the region by its name, each time anew: a region that was removed
// and created again is another one under the same name.
type opener func() (source, error)

func inspect(dir, name string) opener {
	return func() (source, error) {
		v, err := bus.Inspect(name, &bus.Options{Dir: dir})
		if err != nil {
			return nil, err // not v: a nil *Viewer in an interface is not nil
		}
		return v, nil
	}
}

// watcher reads a region for as long as it is there, and opens it again when it
// comes back. It is safe for concurrent use.
type watcher struct {
	open opener

	mu     sync.Mutex
	src    source
	closed bool
}

// poll reads the region. After an error the next poll starts from its name again.
// fresh says that this is the first read of a newly opened region.
func (w *watcher) poll() (snap bus.Snapshot, fresh bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return bus.Snapshot{}, false, bus.ErrClosed
	}
	if w.src == nil {
		if w.src, err = w.open(); err != nil {
			w.src = nil
			return bus.Snapshot{}, false, err
		}
		fresh = true
	}
	snap, err = w.src.Snapshot()
	if err == nil && snap.State == bus.StateRemoved {
		err = errRemoved
	}
	if err != nil {
		w.drop()
	}
	return snap, fresh, err
}

func (w *watcher) drop() {
	if w.src != nil {
		_ = w.src.Close() // read-only: nothing that could be lost
		w.src = nil
	}
}

func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop()
	w.closed = true
}
