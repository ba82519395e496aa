package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// region is one row of ls, and one object of ls -json.
type region struct {
	Name      string    `json:"name"`
	Static    string    `json:"static,omitempty"` // name of the static ring that it is
	ID        string    `json:"id"`
	Version   string    `json:"version"`
	State     bus.State `json:"state"` // as in a snapshot, or "unreadable"
	Size      int64     `json:"size"`
	Created   time.Time `json:"created"`
	Lanes     int       `json:"lanes"`
	Processes int       `json:"processes"`
	Alive     int       `json:"alive"`
	Events    uint64    `json:"events"` // published since it was created
	Error     string    `json:"error,omitempty"`
}

const stateUnreadable = "unreadable"

// list prints the regions of a directory. One that cannot be read is a row, not
// a failure: it is what ls is asked about.
func list(stdout io.Writer, dir string, asJSON bool) error {
	regions, err := regions(dir)
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(regions)
	}
	if len(regions) == 0 {
		_, err := fmt.Fprintf(stdout, "no region in %s\n", dirName(dir))
		return err
	}
	th := newTheme(stdout, asciiLocale(os.Getenv))
	width := terminalWidth(stdout)
	if width > 0 {
		width += gutter // which is cut off, for there is nothing to select
	}
	for _, line := range th.regionsTable(regions, time.Now()).lines(th, width, 0, len(regions), -1) {
		if _, err := fmt.Fprintln(stdout, line[gutter:]); err != nil {
			return err
		}
	}
	return nil
}

func regions(dir string) ([]region, error) {
	infos, err := bus.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dirName(dir), err)
	}
	out := make([]region, len(infos)) // not nil: JSON has [] for none
	for i, info := range infos {
		out[i] = look(dir, info)
	}
	return out, nil
}

func look(dir string, info bus.RegionInfo) region {
	r := region{Name: info.Name, Static: info.Static, ID: info.ID, Version: info.Version, Size: info.Size, Created: info.Created, State: stateUnreadable}
	err := info.Err
	if err == nil {
		w := &watcher{open: inspect(dir, info.Name)}
		defer w.close()
		var snap bus.Snapshot
		if snap, _, err = w.poll(); err == nil {
			r.State, r.Lanes, r.Processes = snap.State, len(snap.Lanes), len(snap.Participants)
			for _, l := range snap.Lanes {
				r.Events += l.Published
			}
			for _, p := range snap.Participants {
				if p.Alive {
					r.Alive++
				}
			}
		}
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

func (th *theme) regionsTable(regions []region, now time.Time) *table {
	t := &table{columns: []column{
		{title: "REGION", min: 10, grow: 1, max: 40},
		{title: "STATE", min: 10},
		{title: "SIZE", right: true, min: 9},
		{title: "LANES", right: true, min: 5},
		{title: "ALIVE", right: true, min: 5},
		{title: "DEAD", right: true, min: 4},
		{title: "EVENTS", right: true, min: 6},
		{title: "AGE", right: true, min: 4},
		{title: "NOTE", min: 8, grow: 1},
	}}
	for _, r := range regions {
		state := th.ok
		switch {
		case r.State != bus.StateOpen:
			state = th.bad
		case r.Alive == 0:
			state = th.dim
		}
		note := r.Error
		switch {
		case note != "":
		case r.Processes > 0 && r.Alive == 0:
			note = "left over: no process is alive"
		case r.Processes == 0:
			note = "no process attached"
		case r.Static != "":
			note = "static ring"
		}
		if r.Static != "" && note != "static ring" {
			note = "static ring; " + note
		}
		dead := r.Processes - r.Alive
		t.rows = append(t.rows, []cell{
			{text: printable(r.Name), style: th.title},
			{text: printable(string(r.State)), style: state},
			{text: bytesize(r.Size), style: th.plain},
			{text: strconv.Itoa(r.Lanes), style: th.nonzero(r.Lanes > 0, th.plain)},
			{text: strconv.Itoa(r.Alive), style: th.nonzero(r.Alive > 0, th.plain)},
			{text: strconv.Itoa(dead), style: th.nonzero(dead > 0, th.warn)},
			{text: count(r.Events), style: th.nonzero(r.Events > 0, th.plain)},
			{text: since(now, r.Created), style: th.dim},
			{text: printable(note), style: th.dim},
		})
	}
	return t
}
