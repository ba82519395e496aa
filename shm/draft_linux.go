package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// reserveChunk bounds how much of a reservation a signal can undo, so that signals cannot keep it from ending.
	reserveChunk = 8 << 20

	draftSuffix = ".tmp"
)

// errNoUnnamed says that files without a name cannot be made or cannot be linked here.
var errNoUnnamed = errors.New("shm: no unnamed files on this file system")

// draft is a file in the making. It has no name at all (O_TMPFILE) and vanishes with its descriptor or, where the
// file system cannot do that, it has a temporary one and holds a lock that tells others that its maker lives.
type draft struct {
	fd   int
	dir  *directory
	temp string // temporary name; empty if it has none
}

// newDraft makes an empty file with exactly this mode and group, whatever the umask. An empty temp asks for one without
// a name, which may fail with errNoUnnamed.
func newDraft(dir *directory, temp string, mode os.FileMode, group int) (*draft, error) {
	d := &draft{dir: dir, temp: temp}
	name, flags := ".", unix.O_TMPFILE
	if temp != "" {
		name, flags = temp, unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW
	}
	err := retry(func() (err error) {
		d.fd, err = unix.Openat(dir.fd, name, flags|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		return err
	})
	switch {
	case err == nil:
	case temp == "" && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL)):
		return nil, errNoUnnamed
	default:
		return nil, fmt.Errorf("shm: create a file in %s: %w", dir.path, limited("openat", err))
	}
	step("draft")
	if err := d.setUp(mode, group); err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

func (d *draft) setUp(mode os.FileMode, group int) error {
	if d.temp != "" {
		if _, err := tryLock(d.fd, unix.F_WRLCK, rangeEnd, 1); err != nil {
			return fmt.Errorf("shm: lock %s: %w", d.dir.join(d.temp), err)
		}
	}
	if group > 0 {
		if err := retry(func() error { return unix.Fchown(d.fd, -1, group) }); err != nil {
			return fmt.Errorf("shm: give a new region to Group %d (be a member of it): %w", group, os.NewSyscallError("fchown", err))
		}
	}
	if err := retry(func() error { return unix.Fchmod(d.fd, uint32(mode.Perm())) }); err != nil {
		return fmt.Errorf("shm: set the mode of a new region: %w", os.NewSyscallError("fchmod", err))
	}
	return nil
}

// reserve gives the file its size and the space for it.
func (d *draft) reserve(size int64) error {
	// A file too large for the limit of this process would end it by a signal.
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err == nil && uint64(size) > limit.Cur {
		return fmt.Errorf("shm: reserve %d bytes in %s: %w", size, d.dir.path, limited("fallocate", unix.EFBIG))
	}
	for offset := int64(0); offset < size; offset += reserveChunk {
		length := min(reserveChunk, size-offset)
		err := retry(func() error { return unix.Fallocate(d.fd, 0, offset, length) })
		switch {
		case err == nil:
		case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
			// What was reserved so far must not count against what is free.
			_ = retry(func() error { return unix.Ftruncate(d.fd, 0) })
			return d.noSpace(size)
		case errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS):
			return fmt.Errorf("%w: %s; choose a directory on tmpfs, ext4, xfs or btrfs (Dir or %s)", ErrNoFallocate, d.dir.path, EnvDir)
		default:
			return fmt.Errorf("shm: reserve %d bytes in %s: %w", size, d.dir.path, os.NewSyscallError("fallocate", err))
		}
	}
	return nil
}

func (d *draft) noSpace(size int64) error {
	e := &SpaceError{Dir: d.dir.path, Want: size}
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(d.fd, &st) }); err == nil {
		e.Free, e.Total = int64(st.Bavail)*int64(st.Frsize), int64(st.Blocks)*int64(st.Frsize)
	}
	return e
}

func (d *draft) write(b []byte) error {
	for offset := 0; offset < len(b); {
		n, err := unix.Pwrite(d.fd, b[offset:], int64(offset))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("shm: write the header of a new region in %s: %w", d.dir.path, os.NewSyscallError("pwrite", err))
		}
		offset += max(n, 0)
	}
	return nil
}

// publish gives the finished file its name, in one step: nobody sees it before, and it replaces nothing. It fails with
// ErrExists if the name is taken.
func (d *draft) publish(name string) error {
	var err error
	if d.temp != "" {
		err = retry(func() error {
			return unix.Renameat2(d.dir.fd, d.temp, d.dir.fd, name, unix.RENAME_NOREPLACE)
		})
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
			return fmt.Errorf("%w: %s; choose another directory (Dir or %s)", ErrNoPublish, d.dir.path, EnvDir)
		}
		err = os.NewSyscallError("renameat2", err)
	} else {
		err = os.NewSyscallError("linkat", d.link(name))
	}
	if err != nil && !errors.Is(err, errNoUnnamed) {
		return fmt.Errorf("shm: put %s into place: %w", d.dir.join(name), err)
	}
	if err == nil && d.temp != "" {
		d.temp = ""
		_, err = tryLock(d.fd, unix.F_UNLCK, rangeEnd, 1)
	}
	return err
}

// link names an unnamed file. The way through /proc is open to everybody; the way without it, which serves where /proc is
// not mounted, needs a privilege or Linux 6.10.
func (d *draft) link(name string) error {
	err := retry(func() error {
		return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(d.fd), d.dir.fd, name, unix.AT_SYMLINK_FOLLOW)
	})
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	empty := retry(func() error { return unix.Linkat(d.fd, "", d.dir.fd, name, unix.AT_EMPTY_PATH) })
	switch {
	case empty == nil || errors.Is(empty, fs.ErrExist):
		return empty
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM):
		return errNoUnnamed
	}
	return err
}

// discard closes the file, and removes it unless it has its final name.
func (d *draft) discard() {
	if d.temp != "" {
		_ = d.dir.unlink(d.temp)
	}
	_ = unix.Close(d.fd)
}
