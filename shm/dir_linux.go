package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// directory is an open directory. All names are looked up in it and not by path, so that renaming or replacing it
// underneath cannot make one call work in two places.
type directory struct {
	fd   int
	path string
}

func openDirectory(path string) (*directory, error) {
	var fd int
	err := retry(func() (err error) {
		fd, err = unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("shm: open directory %s (from Dir, %s or the default): %w", path, EnvDir, limited("open", err))
	}
	return &directory{fd, path}, nil
}

func (d *directory) close() { _ = unix.Close(d.fd) }

// join returns the path of a name, for messages and for the user.
func (d *directory) join(name string) string { return filepath.Join(d.path, name) }

// open opens what has this name without following a symbolic link, waiting for the other end of a pipe, taking a terminal
// over, or leaving the descriptor to a child.
func (d *directory) open(name string, flags int) (fd int, err error) {
	err = retry(func() (err error) {
		fd, err = unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		return err
	})
	return fd, limited("openat", err)
}

// limited is os.NewSyscallError, and says of an error by a limit of this process which one that is.
func limited(call string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, unix.EMFILE):
		hint = "this process has all files open that it may; raise its limit, ulimit -n"
	case errors.Is(err, unix.ENFILE):
		hint = "all files are open that this machine allows; raise fs.file-max"
	case errors.Is(err, unix.ENOMEM):
		hint = "the memory or the address space that this process may have is used up; make the region smaller, or raise ulimit -v or the limit of its container"
	case errors.Is(err, unix.EFBIG):
		hint = "this process may not write a file of that size; make the region smaller, or raise ulimit -f"
	default:
		return os.NewSyscallError(call, err)
	}
	return fmt.Errorf("%w (%s)", os.NewSyscallError(call, err), hint)
}

func (d *directory) stat(name string) (st unix.Stat_t, err error) {
	err = retry(func() error { return unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, os.NewSyscallError("fstatat", err)
}

// holds says whether name is still the file that st describes.
func (d *directory) holds(name string, st *unix.Stat_t) (bool, error) {
	now, err := d.stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return now.Dev == st.Dev && now.Ino == st.Ino, err
}

func (d *directory) unlink(name string) error {
	step("unlink")
	return os.NewSyscallError("unlinkat", retry(func() error { return unix.Unlinkat(d.fd, name, 0) }))
}

// names returns what is in the directory, in no order.
func (d *directory) names() ([]string, error) {
	fd, err := d.open(".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	return f.Readdirnames(-1)
}

// retry repeats a system call that a signal interrupts. The Go runtime sends itself signals, so this does happen.
func retry(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}
