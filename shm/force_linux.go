package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// removeForce unlinks what is, or was, a region, whatever its state. With damaged it leaves a whole one alone.
func removeForce(s *spec, damaged bool) error {
	dir, err := openDirectory(s.dir)
	if err != nil {
		return err
	}
	defer dir.close()
	c, err := dir.openCandidate(s.name, unix.O_RDWR)
	if errors.Is(err, fs.ErrPermission) {
		c, err = dir.openCandidate(s.name, unix.O_RDONLY)
	}
	if err != nil {
		return absent(err, damaged)
	}
	defer c.close()
	alone(c.fd)
	h, err := dir.header(s.name, c)
	switch {
	case err == nil && damaged:
		return nil
	case err == nil:
		return dir.unlinkRegion(s.name, &c.st, &h.id)
	case errors.Is(err, ErrCorrupt) || errors.Is(err, ErrVersion) && !damaged:
		return dir.unlinkRegion(s.name, &c.st, nil)
	case errors.Is(err, errMoved):
		return nil // somebody else has just removed it
	}
	return err
}

// absent is what it means that there is no region: for who wants a damaged one gone, that somebody else was quicker.
func absent(err error, damaged bool) error {
	if damaged && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// alone keeps others out who remove the same file by force, until its descriptor is closed: between the look at the name
// and the unlinking, one of them might remove it and put a new region in its place. Whoever holds the lock needs
// microseconds; one that is frozen, or means harm, is not waited for any longer than a second.
func alone(fd int) {
	for start := time.Now(); ; time.Sleep(pace) {
		if ok, err := tryLock(fd, unix.F_WRLCK, 0, 0); ok || err != nil || time.Since(start) > patience {
			return
		}
	}
}

// unlinkRegion unlinks the file that st describes, if name still stands for it, and its lock file, if that is known.
func (d *directory) unlinkRegion(name string, st *unix.Stat_t, id *[16]byte) error {
	if same, err := d.holds(name, st); err != nil || !same {
		return err // somebody else has just removed it
	}
	if err := d.unlink(name); err != nil {
		return fmt.Errorf("shm: remove region %s: %w%s", d.join(name), err, d.whoMay(err, st))
	}
	if id != nil {
		if err := d.unlink(lockName(name, *id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("shm: remove the lock file of %s: %w", d.join(name), err)
		}
	}
	d.sweep(name)
	return nil
}

// whoMay says who may remove a file, when we may not.
func (d *directory) whoMay(err error, st *unix.Stat_t) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	return fmt.Sprintf(" (its owner, user %d, may do so, the owner of the directory, and root; others only where the directory lets them write and is not sticky)", st.Uid)
}

// removeForce is RemoveForce of an attached region. What is in the file does not matter, only that it is the one.
func (r *Region) removeForce() error {
	dir, err := openDirectory(filepath.Dir(r.path))
	if err != nil {
		return err
	}
	defer dir.close()
	if fd, err := dir.open(r.name, unix.O_RDWR); err == nil {
		defer unix.Close(fd)
		if dir.isFile(fd, &r.file) {
			alone(fd)
		}
	}
	return dir.unlinkRegion(r.name, &r.file, &r.id)
}

// isFile says whether fd is the file that st describes.
func (d *directory) isFile(fd int, st *unix.Stat_t) bool {
	var now unix.Stat_t
	err := retry(func() error { return unix.Fstat(fd, &now) })
	return err == nil && now.Dev == st.Dev && now.Ino == st.Ino
}

// check looks at the name, the file and the header of an attached region.
func (r *Region) check() (err error) {
	dir, err := openDirectory(filepath.Dir(r.path))
	if err != nil {
		return err
	}
	defer dir.close()
	st, err := dir.stat(r.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is gone", ErrRemoved, r.path)
	case err != nil:
		return fmt.Errorf("shm: examine region %s: %w", r.path, err)
	case st.Dev != r.file.Dev || st.Ino != r.file.Ino:
		return fmt.Errorf("%w: %s is another file now", ErrRemoved, r.path)
	case st.Size != int64(len(r.mem)):
		return fmt.Errorf("%w: %s has %d bytes, and had %d; %s", ErrCorrupt, r.path, st.Size, len(r.mem), replace)
	}
	// A private copy: whoever writes there may go on doing so.
	page := make([]byte, HeaderSize)
	if err := r.copyOut(page); err != nil {
		return err
	}
	h, err := parseHeader(page)
	switch {
	case err != nil:
		return fmt.Errorf("%w: the header of %s has been overwritten (%w); %s", ErrCorrupt, r.path, err, replace)
	case h.id != r.id || h.size != int64(len(r.mem)):
		return fmt.Errorf("%w: the header of %s is that of another region; %s", ErrCorrupt, r.path, replace)
	}
	return nil
}

// replace is what to do about a region that is spoilt.
const replace = "remove it by force, close it, and create it anew"

func (r *Region) copyOut(page []byte) (err error) {
	defer r.Caught(r.Protect(), &err)
	copy(page, r.mem)
	return nil
}
