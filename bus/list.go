package bus

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/rvoip/shmbus/shm"
)

// RegionInfo describes one region of a directory, or one static ring, which has
// a region of its own.
type RegionInfo struct {
	// Name is what Inspect and Remove call it: "calls", or "calls/rtp" for the
	// static ring rtp of the region calls. A static ring that outlived its
	// region has the name of its file.
	Name    string
	Static  string // name of the static ring that it is
	Size    int64  // bytes
	ID      string // of the region, in hexadecimal
	Version string
	Created time.Time
	Err     error // why it cannot be used
}

// List returns the regions of a directory; "" is the default one. It leaves out
// what was made with package shm for another purpose.
func List(dir string) ([]RegionInfo, error) {
	entries, err := shm.List(dir)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]string)
	for _, e := range entries {
		if e.Err == nil {
			ids[e.Name] = hex.EncodeToString(e.ID[:])
		}
	}
	infos := make([]RegionInfo, 0, len(entries))
	for _, e := range entries {
		if e.Err == nil && len(e.Meta) == 0 {
			continue
		}
		info := RegionInfo{
			Name: e.Name, Size: e.Size, ID: hex.EncodeToString(e.ID[:]), Version: fmt.Sprint(e.Version), Created: e.ModTime, Err: e.Err,
		}
		if s, ok := staticEntry(&e); ok {
			info.Static = s.Ring
			if ids[s.Region] == s.ID {
				info.Name = s.Region + "/" + s.Ring
			}
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b RegionInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos, nil
}
