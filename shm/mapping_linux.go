package shm

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"
)

// newRegion maps and populates the file fd, which is not needed any more then, and returns a Region of one user. That takes
// locks over, but only if there is no error.
func newRegion(d *directory, name string, fd int, h *header, locks lockFile, readOnly bool) (*Region, error) {
	r := &Region{name: name, path: d.join(name), id: h.id, meta: h.meta, readOnly: readOnly, locks: locks}
	if err := retry(func() error { return unix.Fstat(fd, &r.file) }); err != nil {
		return nil, fmt.Errorf("shm: examine region %s: %w", r.path, os.NewSyscallError("fstat", err))
	}
	r.mode, r.group = os.FileMode(r.file.Mode&0o777), int(r.file.Gid)
	mem, err := mapFile(fd, int(h.size), readOnly)
	if err != nil {
		return nil, fmt.Errorf("shm: map %d bytes of %s: %w", h.size, r.path, err)
	}
	r.mem = mem
	if err := r.populate(); err != nil {
		return nil, errors.Join(err, unmap(mem))
	}
	r.refs.Store(1) // before anybody else has r
	return r, nil
}

func mapFile(fd, size int, readOnly bool) (mmap.MMap, error) {
	// The mapping wants an os.File, whose finalizer closes its descriptor; so it gets one of its own.
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, limited("fcntl F_DUPFD_CLOEXEC", err)
	}
	f := os.NewFile(uintptr(fd), "region")
	defer f.Close()
	prot := mmap.RDWR
	if readOnly {
		prot = mmap.RDONLY
	}
	mem, err := mmap.MapRegion(f, size, prot, 0, 0)
	return mem, limited("mmap", err)
}

// close ends the attachment. Both steps are done, whatever the first one says.
func (r *Region) close() error {
	if err := errors.Join(unmap(r.mem), r.locks.close()); err != nil {
		return fmt.Errorf("shm: close %s: %w", r.path, err)
	}
	return nil
}

func unmap(mem mmap.MMap) error { return os.NewSyscallError("munmap", mem.Unmap()) }

// populate touches each page ahead of use: a first touch costs a microsecond or two, and an event should not pay it.
func (r *Region) populate() error {
	advice := unix.MADV_POPULATE_WRITE
	if r.readOnly {
		advice = unix.MADV_POPULATE_READ
	}
	err := retry(func() error { return unix.Madvise(r.mem, advice) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL):
		return r.touch() // Linux before 5.14
	case errors.Is(err, unix.EFAULT):
		return fmt.Errorf("%w: populating %s", ErrFault, r.path)
	}
	return fmt.Errorf("shm: populate %d bytes of %s: %w", len(r.mem), r.path, os.NewSyscallError("madvise", err))
}

// touch is populate by hand. Others may be using the region, so a writer adds zero: atomically, and changing nothing.
func (r *Region) touch() (err error) {
	defer r.Caught(r.Protect(), &err)
	for offset := 0; offset+4 <= len(r.mem); offset += os.Getpagesize() {
		if r.readOnly {
			atomic.LoadUint32(word(r.mem, offset)) // pairs with nothing: only the fault counts
		} else {
			atomic.AddUint32(word(r.mem, offset), 0) // pairs with nothing: only the fault counts
		}
	}
	return nil
}
