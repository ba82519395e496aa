package shm

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"golang.org/x/sys/unix"
)

// The lock file is empty; only the locks on its bytes count:
//
//	[0, MaxLocks)                    the users' lock bytes
//	[MaxLocks, MaxLocks+maxAttach)   one byte for each attachment, held from before the region has a name (creator), or
//	                                 before the caller gets it (others), until the last user has released it
//	rangeEnd                         of a file with a temporary name: its maker lives
//	all                              somebody removes the region
//
// They are open-file-description locks: they belong to the descriptor that took them, so that two attachments of one
// process exclude each other, that closing another descriptor of the file drops nothing, and that the kernel drops
// them when the process dies, before its parent hears of it. The file is apart from the region because a mapping keeps its
// description, and so its locks, alive.
//
// Nothing ever waits for a lock.
const (
	maxAttach = 1 << 20
	rangeEnd  = MaxLocks + maxAttach
)

// fileStat tells one file from another, by device and inode.
type fileStat = unix.Stat_t

// lockFile is the attachment's own description of the lock file. The descriptor is a plain number: an os.File would be
// closed by the garbage collector with a forgotten Region, and a living process would pass for dead.
type lockFile struct {
	fd  int
	err error // why there is no descriptor
}

func (l *lockFile) close() error {
	if l.err != nil {
		return nil //nolint:nilerr // there is none to close
	}
	return os.NewSyscallError("close", unix.Close(l.fd))
}

// tryLock takes or gives back (F_UNLCK) bytes of fd; length 0 means all from start on. False means that another
// description holds some of them.
func tryLock(fd int, kind int16, start, length int64) (bool, error) {
	lk := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: start, Len: length}
	err := retry(func() error { return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lk) })
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("fcntl F_OFD_SETLK", err)
}

// holder returns the first found range of bytes that another description holds, length 0 meaning all from start on; none
// is held if it returns false.
func holder(fd int, start, length int64) (lk unix.Flock_t, held bool, err error) {
	lk = unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: start, Len: length}
	err = retry(func() error { return unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lk) })
	return lk, err == nil && lk.Type != unix.F_UNLCK, os.NewSyscallError("fcntl F_OFD_GETLK", err)
}

// attachByte takes one attachment byte. False means that none is to be had, since somebody who removes the region
// holds them all.
func attachByte(fd int) (bool, error) {
	for range 8 { // two attachments in a million bytes hardly ever meet, let alone eight times
		if ok, err := tryLock(fd, unix.F_WRLCK, MaxLocks+rand.Int64N(maxAttach), 1); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// countAttachments returns how many attachment bytes within [start, start+length) others hold. The kernel names any one
// conflict of a range, so what lies on either side of it is asked for in turn.
func countAttachments(fd int, start, length int64) (int, error) {
	if length <= 0 {
		return 0, nil
	}
	lk, held, err := holder(fd, start, length)
	if err != nil || !held {
		return 0, err
	}
	first, end := max(lk.Start, start), start+length
	last := end
	if lk.Len > 0 {
		last = min(lk.Start+lk.Len, end)
	}
	before, err := countAttachments(fd, start, first-start)
	if err != nil {
		return 0, err
	}
	after, err := countAttachments(fd, last, end-last)
	return before + 1 + after, err
}

// useLocks becomes a user of the region, for a call on lock byte i, if that can have an answer.
func (r *Region) useLocks(i int) error {
	if i < 0 || i >= MaxLocks {
		panic(fmt.Sprintf("shm: lock byte %d is not in [0, %d)", i, MaxLocks))
	}
	if !r.Retain() {
		return fmt.Errorf("shm: lock byte %d of %s: %w", i, r.path, ErrClosed)
	}
	if r.locks.err != nil {
		_ = r.Release()
		return r.locks.err
	}
	return nil
}

// TryLock takes lock byte i, from 0 to MaxLocks-1, and never waits. It returns false while another attachment holds the
// byte, be it of this process. Taking a byte that this Region holds already succeeds and changes nothing, so
// goroutines that share a Region must keep each other out by their own means. To succeed proves that whoever held the
// byte before gave it back or is dead.
func (r *Region) TryLock(i int) (bool, error) {
	if err := r.useLocks(i); err != nil {
		return false, err
	}
	defer r.Release()
	if r.readOnly {
		return false, fmt.Errorf("shm: lock byte %d of %s: a viewer takes no locks: %w", i, r.path, ErrNoLockAccess)
	}
	ok, err := tryLock(r.locks.fd, unix.F_WRLCK, int64(i), 1)
	return ok, wrapLock(err, i, r)
}

// Unlock gives lock byte i back. To give back what this Region does not hold does nothing.
func (r *Region) Unlock(i int) error {
	if err := r.useLocks(i); err != nil {
		return err
	}
	defer r.Release()
	_, err := tryLock(r.locks.fd, unix.F_UNLCK, int64(i), 1)
	return wrapLock(err, i, r)
}

// Locked says whether another attachment, be it of this process, holds lock byte i. It does not see what this Region
// itself holds. A viewer who may not open the lock file gets ErrNoLockAccess; Process.Alive is what is left then.
func (r *Region) Locked(i int) (bool, error) {
	if err := r.useLocks(i); err != nil {
		return false, err
	}
	defer r.Release()
	_, held, err := holder(r.locks.fd, int64(i), 1)
	return held, wrapLock(err, i, r)
}

func wrapLock(err error, i int, r *Region) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("shm: lock byte %d of %s: %w", i, r.path, err)
}
