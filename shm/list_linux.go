package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// list describes the regions of a directory.
func list(path string) ([]Entry, error) {
	dir, err := openDirectory(path)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	names, err := dir.names()
	if err != nil {
		return nil, fmt.Errorf("shm: list %s: %w", path, err)
	}
	slices.Sort(names)
	var entries []Entry
	for _, name := range names {
		if checkName(name) != nil {
			continue
		}
		if e, ok := dir.entry(name, names); ok {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// entry describes one file, if that is a region. One that we may not read counts if it has a lock file.
func (d *directory) entry(name string, names []string) (Entry, bool) {
	e := Entry{Name: name}
	st, err := d.stat(name)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return e, false
	}
	e.Size, e.ModTime = st.Size, time.Unix(st.Mtim.Unix())
	c, err := d.openCandidate(name, unix.O_RDONLY)
	if errors.Is(err, fs.ErrPermission) {
		e.Err = err
		return e, slices.ContainsFunc(names, func(file string) bool {
			_, draft, ok := leftover(name, file)
			return ok && !draft
		})
	}
	if err != nil {
		return e, false
	}
	defer c.close()
	h, err := d.header(name, c)
	if errors.Is(err, ErrForeign) || errors.Is(err, errMoved) {
		return e, false
	}
	e.ID, e.Version, e.Meta, e.Err = h.id, h.version, h.meta, err
	return e, true
}

// identify reads no more than the header.
func identify(s *spec) (id [16]byte, err error) {
	dir, err := openDirectory(s.dir)
	if err != nil {
		return id, err
	}
	defer dir.close()
	err = persist(func() error {
		c, err := dir.openCandidate(s.name, unix.O_RDONLY)
		if err != nil {
			return err
		}
		defer c.close()
		h, err := dir.header(s.name, c)
		id = h.id
		return err
	})
	return id, err
}
