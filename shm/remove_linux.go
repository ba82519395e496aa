package shm

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// remove unlinks a region that nobody uses. It takes all bytes of the lock file first, so that nobody attaches between
// the check and the removal; who tries meanwhile looks again a little later.
func remove(s *spec) error {
	dir, err := openDirectory(s.dir)
	if err != nil {
		return err
	}
	defer dir.close()
	return persist(func() error { return dir.removeOnce(s) })
}

func (d *directory) removeOnce(s *spec) error {
	path := d.join(s.name)
	c, err := d.openCandidate(s.name, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer c.close()
	h, err := d.header(s.name, c)
	if err != nil {
		return err
	}
	locks, err := d.openLocks(s.name, c, &h, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer func() { _ = locks.close() }()
	if ok, err := tryLock(locks.fd, unix.F_WRLCK, 0, 0); err != nil {
		return fmt.Errorf("shm: remove %s: %w", path, err)
	} else if !ok {
		return d.inUse(path, locks.fd)
	}
	if same, err := d.holds(s.name, &c.st); err != nil {
		return err
	} else if !same {
		return errMoved
	}
	step("remove region")
	if err := d.unlink(s.name); err != nil {
		return fmt.Errorf("shm: remove region %s: %w%s", path, err, d.whoMay(err, &c.st))
	}
	step("remove lock file")
	if err := d.unlink(lockName(s.name, h.id)); err != nil {
		return fmt.Errorf("shm: remove the lock file of %s: %w", path, err)
	}
	d.sweep(s.name)
	return nil
}

// inUse says who keeps us from removing a region: those who are attached, or somebody who is removing it.
func (d *directory) inUse(path string, fd int) error {
	_, busy, err := holder(fd, rangeEnd, 1)
	n := 0
	if err == nil && !busy {
		n, err = countAttachments(fd, MaxLocks, maxAttach)
	}
	switch {
	case err != nil:
		return fmt.Errorf("shm: remove %s: %w", path, err)
	case n == 0: // or else they left between the two questions
		return fmt.Errorf("%w: %s", ErrBusy, path)
	}
	return &InUseError{Path: path, Attachments: n}
}
