package shm

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// sweep removes what killed processes left behind under this name: lock files without a region, and unfinished files.
// It holds no lock, so that freezing here stops nobody. Why it never removes a file that is needed:
//
//   - A lock file's maker locks it before naming it, and keeps that lock at least until the region is named. So once
//     a named lock file was seen without any lock, its region has its name, or had it, or never will.
//   - Then, and only then, the region is looked at. If it is not the one of that lock file, it never will be, since an
//     id is never used twice.
//   - The same holds for an unfinished file, but for the moment between its making and its locking. To lose it
//     there makes that creation fail, and harms nothing else.
//
// What cannot be decided, or not be removed, stays for the next time.
func (d *directory) sweep(name string) {
	step("sweep")
	names, err := d.names()
	if err != nil {
		return
	}
	for _, file := range names {
		id, draft, ok := leftover(name, file)
		if !ok || d.locked(file) {
			continue
		}
		if draft {
			_ = d.unlink(file)
			continue
		}
		c, err := d.openCandidate(name, unix.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			_ = d.unlink(file)
			continue
		}
		if err != nil {
			return
		}
		h, err := d.header(name, c)
		c.close()
		if err != nil {
			return // a region that cannot be read may be the one
		}
		if h.id != id {
			_ = d.unlink(file)
		}
	}
}

// leftover says whether file could have been left behind by a creator or remover of the region name: a lock file
// with the id of its region, or a draft.
func leftover(name, file string) (id [16]byte, draft, ok bool) {
	if rest, found := strings.CutPrefix(file, "."+name+"."); found {
		rest, draft = strings.CutSuffix(rest, draftSuffix)
		rest = strings.TrimSuffix(rest, lockSuffix)
		return id, draft, draft && decodeID(&id, rest)
	}
	rest, found := strings.CutPrefix(file, name+".")
	rest, isLock := strings.CutSuffix(rest, lockSuffix)
	return id, false, found && isLock && decodeID(&id, rest)
}

func decodeID(id *[16]byte, s string) bool {
	if len(s) != 2*len(id) {
		return false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return err == nil
}

// locked says whether anybody holds a lock on a file, or that we cannot know.
func (d *directory) locked(file string) bool {
	fd, err := d.open(file, unix.O_RDONLY)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	_, held, err := holder(fd, 0, 0)
	return held || err != nil
}
