package shm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// MaxLocks is how many lock bytes a region offers to its users.
const MaxLocks = 4096

// Region is one attachment to a mapped region file. It is safe for concurrent use, but for the lock bytes, whose
// callers must agree among themselves; see TryLock.
type Region struct {
	name, path string
	id         [16]byte
	meta       []byte
	mode       os.FileMode // of the file, as it was opened
	group      int
	readOnly   bool
	file       fileStat // which file it is, under whatever name

	// mem is never reassigned, so that it can be read without synchronisation; refs says whether it is still mapped.
	mem  []byte
	refs atomic.Int64 // users; once zero, zero for ever

	locks lockFile
}

// Create makes a new region. It fails with ErrExists if there is anything of that name.
func Create(name string, o *Options) (*Region, error) {
	s, err := newSpec(name, o)
	if err != nil {
		return nil, err
	}
	if err := s.checkNew(); err != nil {
		return nil, err
	}
	return create(s)
}

// Open attaches to a region for reading and writing. It fails with ErrNotExist if there is none. Of the options it
// uses Dir and Group.
func Open(name string, o *Options) (*Region, error) {
	s, err := newSpec(name, o)
	if err != nil {
		return nil, err
	}
	return attach(s)
}

// OpenOrCreate attaches to the region of that name or makes it. However many processes start at the same time, exactly
// one of them creates, and all get the same region; created says whether it was this one.
func OpenOrCreate(name string, o *Options) (r *Region, created bool, err error) {
	s, err := newSpec(name, o)
	if err != nil {
		return nil, false, err
	}
	if err := s.checkNew(); err != nil {
		return nil, false, err
	}
	return openOrCreate(s)
}

// View maps a region read-only. It needs no more than read permission, trusts any owner, is not counted as an
// attachment, and works on a region whose processes are hung or dead. A write through Bytes faults.
func View(name string, o *Options) (*Region, error) {
	s, err := newSpec(name, o)
	if err != nil {
		return nil, err
	}
	return view(s)
}

// Remove unlinks a region and its lock file. While anybody is attached it fails with an *InUseError, and then nothing
// has changed.
func Remove(name string, o *Options) error {
	s, err := newSpec(name, o)
	if err != nil {
		return err
	}
	return remove(s)
}

// RemoveForce unlinks a region and its lock file even if it is damaged, of another version, or in use. Who is
// attached goes on undisturbed with memory that nobody else can join any more. It still refuses a file that is not a
// region: one that does not begin like one, and beside which no lock file tells that it once did.
func RemoveForce(name string, o *Options) error {
	s, err := newSpec(name, o)
	if err != nil {
		return err
	}
	return removeForce(s, false)
}

// RemoveDamaged is RemoveForce for a region that cannot be joined, since Open says ErrCorrupt. A whole region, and that there
// is none, is fine with it: so of many processes that meet a damaged region each may call it and then OpenOrCreate, and
// all get the same new one.
func RemoveDamaged(name string, o *Options) error {
	s, err := newSpec(name, o)
	if err != nil {
		return err
	}
	return removeForce(s, true)
}

// RemoveForce removes the region that r is attached to, as the function of that name does. If it has been removed before, or
// another file has its name by now, nothing is done: so of many processes that find their region spoilt each may call
// it, and none removes what another has made in its place. r stays attached.
func (r *Region) RemoveForce() error {
	if !r.Retain() {
		return fmt.Errorf("shm: remove %s: %w", r.path, ErrClosed)
	}
	return errors.Join(r.removeForce(), r.Release())
}

// Check says whether the region is still what it was when it was opened: ErrRemoved if its name stands for another file or
// for none, ErrCorrupt if its file has another size or its header has been overwritten, ErrFault if that cannot be
// read. What lies behind the header is the users' own.
func (r *Region) Check() error {
	if !r.Retain() {
		return fmt.Errorf("shm: check %s: %w", r.path, ErrClosed)
	}
	defer r.Release()
	return r.check()
}

// Entry describes one region of a directory.
type Entry struct {
	Name    string
	Size    int64 // of the file, in bytes
	ID      [16]byte
	Version Version
	ModTime time.Time
	Meta    []byte // its description
	Err     error  // why it cannot be used, e.g. ErrCorrupt, ErrVersion or fs.ErrPermission; ID and Meta are then not set
}

// List returns the regions in the directory that Dir(dir) stands for, sorted by name. Files that are not regions are
// skipped.
func List(dir string) ([]Entry, error) { return list(Dir(dir)) }

// Identify returns the identity of the region that stands under name now, without mapping it. A viewer that holds another
// one looks at a region that has been removed.
func Identify(name string, o *Options) (id [16]byte, err error) {
	s, err := newSpec(name, o)
	if err != nil {
		return id, err
	}
	return identify(s)
}

// Name returns the name that the region was opened by.
func (r *Region) Name() string { return r.name }

// Path returns the path of the region's file.
func (r *Region) Path() string { return r.path }

// ID returns the random identity that the region got when it was made.
func (r *Region) ID() [16]byte { return r.id }

// Meta returns a copy of the description that the region was made with.
func (r *Region) Meta() []byte { return bytes.Clone(r.meta) }

// Access returns what Options.Mode and Options.Group make a new region accessible to the same users as this one: the
// permissions of its file when it was opened, without those that Options does not allow, and the group if its members may join.
func (r *Region) Access() (mode os.FileMode, group int) {
	mode = r.mode&0o664 | 0o600
	if mode&0o060 == 0o060 {
		group = r.group
	}
	return mode, group
}

// ReadOnly says whether the mapping is that of a viewer.
func (r *Region) ReadOnly() bool { return r.readOnly }

// Bytes returns the whole mapping, header included, or nil once the region is gone. It may be used only while the
// caller is a user of the region: between a successful Retain (or opening it) and the matching Release.
func (r *Region) Bytes() []byte {
	if r.refs.Load() <= 0 { // pairs with the Add of Release
		return nil
	}
	return r.mem
}

// Retain adds a user, who must Release the region. It returns false if the last one has already left.
func (r *Region) Retain() bool {
	for {
		n := r.refs.Load() // pairs with the Add of Release: zero means that the mapping is going or gone
		if n <= 0 {
			return false
		}
		if r.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release takes a user away. The last one unmaps the region and closes the lock file, which drops all lock bytes. Opening
// a region counts as one user. To release more often than that is a bug of the caller and panics.
func (r *Region) Release() error {
	switch n := r.refs.Add(-1); { // pairs with the CompareAndSwap of Retain: nobody joins after zero
	case n > 0:
		return nil
	case n < 0:
		panic("shm: Release of a region that has no user left")
	}
	return r.close()
}
