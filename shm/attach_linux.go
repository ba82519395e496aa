package shm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience is how long a call retries when others keep it from an answer. Normally they need microseconds; only
	// one that is frozen in the middle of a removal lets it run out.
	patience = time.Second
	pace     = time.Millisecond
	// mostMoves is how often a name may change hands under one call.
	mostMoves = 1000
)

// errMoved says that the name changed hands while we looked at what it stood for: start over.
var errMoved = errors.New("shm: the region was replaced meanwhile")

// lockName returns the name of the lock file of a region. With the id in it, no two regions ever share one.
func lockName(name string, id [16]byte) string {
	return name + "." + hex.EncodeToString(id[:]) + lockSuffix
}

// candidate is an open file that may be a region.
type candidate struct {
	fd int
	st unix.Stat_t
}

func (c *candidate) close() { _ = unix.Close(c.fd) }

// openCandidate opens what stands under name. Nothing but its type has been checked then.
func (d *directory) openCandidate(name string, flags int) (*candidate, error) {
	fd, err := d.open(name, flags)
	switch {
	case err == nil:
	case errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO):
		return nil, d.notRegular(name)
	default:
		return nil, fmt.Errorf("shm: open region %s: %w", d.join(name), err)
	}
	c := &candidate{fd: fd}
	if err := retry(func() error { return unix.Fstat(fd, &c.st) }); err != nil {
		c.close()
		return nil, fmt.Errorf("shm: examine region %s: %w", d.join(name), os.NewSyscallError("fstat", err))
	}
	if c.st.Mode&unix.S_IFMT != unix.S_IFREG {
		c.close()
		return nil, d.notRegular(name)
	}
	return c, nil
}

func (d *directory) notRegular(name string) error {
	return fmt.Errorf("%w: %s is a directory, a link, a pipe or the like, and not of our making; move it away by hand, or choose another name", ErrNotRegular, d.join(name))
}

// header reads and checks the header of what stands under name. It is read from the file and not through a mapping: once,
// and without faults. It returns errMoved for what is no region, if it has lost its name meanwhile.
func (d *directory) header(name string, c *candidate) (header, error) {
	path := d.join(name)
	page := make([]byte, HeaderSize)
	n := 0
	for n < len(page) {
		m, err := unix.Pread(c.fd, page[n:], int64(n))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return header{}, fmt.Errorf("shm: read the header of %s: %w", path, os.NewSyscallError("pread", err))
		}
		if m == 0 {
			break
		}
		n += m
	}
	h, err := parseHeader(page[:n])
	if err == nil && h.size != c.st.Size {
		err = fmt.Errorf("%w: the header says %d bytes, the file has %d", ErrCorrupt, h.size, c.st.Size)
	}
	if errors.Is(err, ErrForeign) && d.wasRegion(name, &c.st) {
		err = fmt.Errorf("%w: its header has been overwritten or cut off", ErrCorrupt)
	}
	if err != nil {
		// Looked at last: who removes a region takes its name first and its lock file then.
		if same, err := d.holds(name, &c.st); err == nil && !same {
			return header{}, errMoved
		}
	}
	switch {
	case errors.Is(err, ErrCorrupt):
		return h, fmt.Errorf("%w: %s (nothing was changed); remove it by force and create it anew", err, path)
	case err != nil:
		return h, fmt.Errorf("%w: %s (nothing was changed)", err, path)
	}
	return h, nil
}

// wasRegion says whether a file that does not begin like a region once was one: its lock file is still there. Somebody who
// may write to a region can destroy its header, too, and it must be possible to remove what is left.
func (d *directory) wasRegion(name string, st *unix.Stat_t) bool {
	names, err := d.names()
	return err == nil && slices.ContainsFunc(names, func(file string) bool {
		_, draft, ok := leftover(name, file)
		if !ok || draft {
			return false
		}
		lock, err := d.stat(file)
		return err == nil && lock.Mode&unix.S_IFMT == unix.S_IFREG && lock.Size == 0 && lock.Uid == st.Uid
	})
}

// trusted says whether joining hands our events only to whom we trust. Group members count only when the caller
// named the group: any user of a directory like /dev/shm could plant a region for a group that we happen to be in.
func (c *candidate) trusted(s *spec) bool {
	uid := c.st.Uid
	return uid == 0 || uid == uint32(os.Geteuid()) ||
		s.group > 0 && c.st.Gid == uint32(s.group) && c.st.Mode&0o060 == 0o060
}

func ownerError(path string, uid, gid uint32, s *spec) error {
	return fmt.Errorf("%w: %s belongs to user %d, group %d; this process is user %d with Group %d; join as that user, or share the region by Group and Mode 0660: %w",
		ErrOwner, path, uid, gid, os.Geteuid(), s.group, fs.ErrPermission)
}

// attach joins a region, over again while it is being replaced.
func attach(s *spec) (*Region, error) {
	dir, err := openDirectory(s.dir)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	var r *Region
	err = persist(func() error {
		r, err = dir.attachOnce(s)
		return err
	})
	return r, err
}

// persist calls try again while others keep it from an answer: while one removes the region, and anew when another region has
// got its name meanwhile. The end is an error in any case, since somebody might go on replacing it for ever.
func persist(try func() error) error {
	start := time.Now()
	for moves := 0; ; time.Sleep(pace) {
		err := try()
		switch {
		case errors.Is(err, errMoved):
			if moves++; moves >= mostMoves {
				return fmt.Errorf("%w: %w", ErrBusy, err)
			}
			start = time.Now()
		case !errors.Is(err, ErrBusy) || time.Since(start) > patience:
			return err
		}
	}
}

func (d *directory) attachOnce(s *spec) (_ *Region, err error) {
	path := d.join(s.name)
	c, err := d.openCandidate(s.name, unix.O_RDWR)
	if errors.Is(err, fs.ErrPermission) {
		if st, statErr := d.stat(s.name); statErr == nil && st.Uid != uint32(os.Geteuid()) {
			return nil, ownerError(path, st.Uid, st.Gid, s)
		}
	}
	if err != nil {
		return nil, err
	}
	defer c.close()
	switch {
	case !c.trusted(s):
		return nil, ownerError(path, c.st.Uid, c.st.Gid, s)
	case c.st.Nlink == 0:
		return nil, errMoved
	case c.st.Nlink > 1:
		return nil, fmt.Errorf("%w: %s has %d; remove the others", ErrLinked, path, c.st.Nlink)
	}
	h, err := d.header(s.name, c)
	if err != nil {
		return nil, err
	}

	step("open lock file")
	locks, err := d.openLocks(s.name, c, &h, unix.O_RDWR)
	if err != nil {
		return nil, err
	}
	step("attach")
	defer func() {
		if err != nil {
			_ = locks.close()
		}
	}()
	// From here on Remove fails; so if the name stands for this file now, it will as long as we are attached.
	if ok, err := attachByte(locks.fd); err != nil {
		return nil, fmt.Errorf("shm: attach to %s: %w", path, err)
	} else if !ok {
		return nil, fmt.Errorf("%w: %s; end that process if it is stopped, or remove the region by force", ErrBusy, path)
	}
	step("attached")
	if same, err := d.holds(s.name, &c.st); err != nil {
		return nil, err
	} else if !same {
		return nil, errMoved
	}
	return newRegion(d, s.name, c.fd, &h, locks, false)
}

// openLocks opens the lock file that goes with the region c.
func (d *directory) openLocks(name string, c *candidate, h *header, flags int) (lockFile, error) {
	path := d.join(lockName(name, h.id))
	fd, err := d.open(lockName(name, h.id), flags)
	if errors.Is(err, fs.ErrNotExist) {
		// A creator names the lock file first and Remove unnames it last: so it is gone with its region, or by foul play.
		if same, err := d.holds(name, &c.st); err == nil && !same {
			return lockFile{}, errMoved
		}
		return lockFile{}, fmt.Errorf("%w: %s is gone, so nobody can join this region any more; end its processes and remove it by force", ErrLockFile, path)
	}
	if err != nil {
		return lockFile{}, fmt.Errorf("shm: open lock file %s: %w", path, err)
	}
	var st unix.Stat_t
	err = os.NewSyscallError("fstat", retry(func() error { return unix.Fstat(fd, &st) }))
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != c.st.Uid) {
		err = fmt.Errorf("%w: %s is not a regular file of the region's owner", ErrLockFile, path)
	}
	if err != nil {
		_ = unix.Close(fd)
		return lockFile{}, err
	}
	return lockFile{fd: fd}, nil
}

// view maps a region read-only.
func view(s *spec) (*Region, error) {
	dir, err := openDirectory(s.dir)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	var r *Region
	err = persist(func() error {
		r, err = dir.viewOnce(s)
		return err
	})
	return r, err
}

func (d *directory) viewOnce(s *spec) (*Region, error) {
	c, err := d.openCandidate(s.name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer c.close()
	h, err := d.header(s.name, c)
	if err != nil {
		return nil, err
	}
	step("view")
	locks, err := d.openLocks(s.name, c, &h, unix.O_RDONLY)
	switch {
	case errors.Is(err, errMoved):
		return nil, err
	case errors.Is(err, fs.ErrPermission):
		locks.err = fmt.Errorf("%w (of %s)", ErrNoLockAccess, d.join(s.name))
	case err != nil:
		locks.err = err
	}
	r, err := newRegion(d, s.name, c.fd, &h, locks, true)
	if err != nil {
		_ = locks.close()
	}
	return r, err
}
