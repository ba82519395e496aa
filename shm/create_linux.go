package shm

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"
)

// step is called before each step of making, joining, viewing, removing and sweeping regions that others may get in
// between of, with its name, for tests that kill or stop a process there. None of them is on the way of an event.
var step = func(name string) {}

// create makes a region, through files without a name where the file system has them.
func create(s *spec) (*Region, error) {
	dir, err := openDirectory(s.dir)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	r, err := dir.create(s, false)
	if errors.Is(err, errNoUnnamed) {
		r, err = dir.create(s, true)
	}
	return r, err
}

// create makes a region:
//
//	a lock file without a name, an attachment byte taken
//	the region without a name: reserved, header written, mapped, populated, laid out by Init
//	name the lock file      a creator that dies from here on leaves it behind; sweep removes it
//	name the region         who loses the race for the name removes its lock file again
//
// The lock file comes first so that a region that can be seen can be joined, and it is locked before it can be
// seen so that nobody takes it for an orphan. No step waits for anybody.
func (d *directory) create(s *spec, named bool) (_ *Region, err error) {
	if _, err := d.stat(s.name); err == nil {
		return nil, d.exists(s) // cheaper than to find out at the end
	}
	h := header{version: Version{major, minor}, compat: compat, size: s.size, created: time.Now(), meta: bytes.Clone(s.meta)}
	_, _ = rand.Read(h.id[:]) // never fails
	var temp [2]string
	if named {
		temp = tempNames(s.name, h.id)
	}

	done := false // not err: Init may panic
	lock, err := newDraft(d, temp[0], s.lockMode(), s.group)
	if err != nil {
		return nil, err
	}
	defer func() {
		if !done {
			lock.discard()
		}
	}()
	step("lock lock file")
	// Nobody else can have a lock on this file, so the answer can only be yes or an error.
	if _, err := attachByte(lock.fd); err != nil {
		return nil, fmt.Errorf("shm: lock a new lock file in %s: %w", d.path, err)
	}
	body, err := newDraft(d, temp[1], s.mode, s.group)
	if err != nil {
		return nil, err
	}
	defer body.discard() // the mapping stays
	r, err := d.build(s, &h, body, lock)
	if err != nil {
		return nil, err
	}
	defer func() {
		if !done {
			_ = unmap(r.mem)
		}
	}()

	if err := d.place(s, &h, body, lock); err != nil {
		return nil, err
	}
	done = true
	step("created")
	d.sweep(s.name)
	return r, nil
}

// build fills the draft of a region.
func (d *directory) build(s *spec, h *header, body, lock *draft) (_ *Region, err error) {
	step("reserve")
	if err := body.reserve(s.size); err != nil {
		return nil, err
	}
	if err := body.write(h.encode()); err != nil {
		return nil, err
	}
	r, err := newRegion(d, s.name, body.fd, h, lockFile{fd: lock.fd}, false)
	if err != nil {
		return nil, err
	}
	done := false
	defer func() {
		if !done {
			_ = unmap(r.mem)
		}
	}()
	step("init")
	if s.init != nil {
		if err := s.init(r.mem); err != nil {
			return nil, fmt.Errorf("shm: lay out the new region %s: %w", r.path, err)
		}
	}
	if got, err := parseHeader(r.mem[:HeaderSize]); err != nil || got.id != h.id {
		return nil, fmt.Errorf("%w: Init wrote into the first %d bytes, which are not its own", ErrOptions, HeaderSize)
	}
	done = true
	return r, nil
}

// place gives both files their names.
func (d *directory) place(s *spec, h *header, body, lock *draft) error {
	name := lockName(s.name, h.id)
	step("name lock file")
	if err := lock.publish(name); err != nil {
		return err
	}
	step("name region")
	if err := body.publish(s.name); err != nil {
		_ = d.unlink(name)
		if errors.Is(err, ErrExists) {
			return d.exists(s)
		}
		return err
	}
	step("named")
	return nil
}

func (d *directory) exists(s *spec) error {
	return fmt.Errorf("shm: create region %s: %w", d.join(s.name), ErrExists)
}

// openOrCreate joins or creates, whichever works. It goes around only when somebody else got on: another process won the
// race, or removed the region.
func openOrCreate(s *spec) (*Region, bool, error) {
	start := time.Now()
	for moves := 0; ; moves++ {
		r, err := attach(s)
		if !errors.Is(err, ErrNotExist) {
			return r, false, err
		}
		r, err = create(s)
		switch {
		case err == nil:
			return r, true, nil
		case errors.Is(err, ErrExists) && moves < mostMoves:
			// Whatever time has passed: a region that another has made is there to be joined.
		case errors.Is(err, ErrExists):
			return nil, false, fmt.Errorf("%w: %w", ErrBusy, err)
		case time.Since(start) > patience:
			return nil, false, err
		case crowded(err):
			// Several creators at once need space for as many regions. One of them will have it, and its region
			// will appear; a random pause keeps two from failing in step.
			time.Sleep(time.Duration(1+mathrand.IntN(20)) * pace)
		default:
			return nil, false, err
		}
	}
}

// crowded says whether the space that was missing may be that of other creators.
func crowded(err error) bool {
	var full *SpaceError
	return errors.As(err, &full) && full.Want <= full.Total
}

// tempNames returns the temporary names of a lock file and a region in the making.
func tempNames(name string, id [16]byte) [2]string {
	stem := "." + name + "." + hex.EncodeToString(id[:])
	return [2]string{stem + lockSuffix + draftSuffix, stem + draftSuffix}
}
