package bus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// A static ring of the region calls is a region of its own, in the file
//
//	calls.<id of the region calls>.<name of the ring>
//
// As with lock files, the id sees to it that a ring belongs to one region for
// ever: one that is left over is not taken for a ring of the region that has its
// name now.

// staticOf says of which region a region is which static ring.
type staticOf struct {
	Ring   string `json:"ring"`
	Region string `json:"region"`
	ID     string `json:"id"` // of that region, in hexadecimal; empty on the heap
}

const idSize = 16 // bytes

func (s *staticOf) is() bool { return *s != staticOf{} }

func (s *staticOf) file() string { return s.Region + "." + s.ID + "." + s.Ring }

// validate bounds what came from a region.
func (s *staticOf) validate() error {
	if !s.is() {
		return nil
	}
	if len(s.Region) > shm.MaxName || len(s.ID) > 2*idSize {
		return fmt.Errorf("%w: region %.20q… of static ring %.20q", ErrOptions, s.Region, s.Ring)
	}
	return checkRing(s.Ring)
}

// checkRing tells why a static ring cannot have that name. It becomes the end of
// a file's name, and so may hold what the name of a region may.
func checkRing(name string) error {
	bad := len(name) == 0 || len(name) > maxTypeName || name[0] == '.' || strings.HasSuffix(name, ".lock")
	for _, c := range name {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			bad = true
		}
	}
	if bad {
		return fmt.Errorf("%w: static ring %q: a name has 1 to %d letters, digits, '.', '_' and '-' of ASCII, no dot in front and no .lock behind",
			ErrOptions, name, maxTypeName)
	}
	return nil
}

// fileOf returns the name by which package shm knows the region or, after a
// slash, the static ring of that name.
func fileOf(name string, o *Options) (string, error) {
	region, ring, ok := strings.Cut(name, "/")
	if !ok {
		return name, nil
	}
	if err := checkRing(ring); err != nil {
		return "", err
	}
	id, err := shm.Identify(region, o.shm())
	if err != nil {
		return "", err
	}
	s := staticOf{ring, region, hex.EncodeToString(id[:])}
	return s.file(), nil
}

// staticEntry tells of which region a region of a directory is a static ring.
// One that cannot be read is taken at its name.
func staticEntry(e *shm.Entry) (s staticOf, ok bool) {
	if e.Err != nil {
		return staticNamed(e.Name)
	}
	geo, err := decodeGeometry(e.Meta)
	return geo.static, err == nil && geo.static.is() && geo.static.file() == e.Name
}

// staticNamed takes the name of a static ring's file apart.
func staticNamed(file string) (s staticOf, ok bool) {
	parts := strings.Split(file, ".")
	for i := 1; i+1 < len(parts); i++ {
		if id, err := hex.DecodeString(parts[i]); err == nil && len(id) == idSize {
			s = staticOf{strings.Join(parts[i+1:], "."), strings.Join(parts[:i], "."), parts[i]}
			return s, checkRing(s.Ring) == nil
		}
	}
	return s, false
}

// removeStatics removes the static rings of a region that has been removed, and
// had that id, and those that earlier regions of its name have left behind.
//
// A ring is older than the removal of its region, and younger than the region.
// So if a ring was listed, and its region no longer has its name afterwards,
// nobody can come to look for it any more.
func removeStatics(region, removed string, o *Options) error {
	entries, err := shm.List(o.Dir)
	if err != nil {
		return nil //nolint:nilerr // what is left behind is for the next time
	}
	now := ""
	if id, err := shm.Identify(region, o.shm()); err == nil {
		now = hex.EncodeToString(id[:])
	}
	var errs []error
	for i := range entries {
		s, ok := staticEntry(&entries[i])
		if !ok || s.Region != region || s.ID == now {
			continue
		}
		failpoint.Hit(stepStaticRemove)
		switch {
		case s.ID == removed:
			// Whoever is attached to the ring was attached to the region: there
			// is nobody, or the caller does not care.
			if err := shm.RemoveForce(entries[i].Name, o.shm()); err != nil && !errors.Is(err, ErrNotExist) {
				errs = append(errs, asked(err))
			}
		case entries[i].Err == nil:
			_ = shm.Remove(entries[i].Name, o.shm()) // somebody may still use it
		}
	}
	return errors.Join(errs...)
}
