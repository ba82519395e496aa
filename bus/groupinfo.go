package bus

import "slices"

// GroupInfo describes one group. Its leases are among the Subscribers of the
// snapshot, too, one on each lane.
type GroupInfo struct {
	Name    string       `json:"name"`
	Members []MemberInfo `json:"members"`
	Lanes   int          `json:"lanes"`          // that it reads
	Free    []LaneID     `json:"free,omitempty"` // lanes that no member has
	Depth   uint64       `json:"depth"`          // events published and not finished, all lanes
	// What it takes: the types by name, or all types, also those to come.
	Types    []string `json:"types,omitempty"`
	AllTypes bool     `json:"all_types"`
}

// MemberInfo describes one member of a group.
type MemberInfo struct {
	ID          int      `json:"id"`
	Name        string   `json:"name"`
	PID         int      `json:"pid"`
	Participant int      `json:"participant"`
	Alive       bool     `json:"alive"`
	Waiting     bool     `json:"waiting"`
	Leaving     bool     `json:"leaving"` // closed, with deliveries out
	Lanes       []LaneID `json:"lanes"`   // that it has
}

// groups describes the groups of the region.
func (r *region) groups(types []typeInfo, living map[int]bool) []GroupInfo {
	all := []GroupInfo{}
	for i := range r.subscribers {
		rec := &r.subscribers[i]
		id := rec.group.Load()
		if r.groupAt(id) != rec {
			continue
		}
		g := GroupInfo{Name: rec.durable.get(), Members: r.groupMembers(id, living)}
		g.Types, g.AllTypes = rec.types.names(types)
		for j := range r.subscribers {
			r.addLease(&g, id, j)
		}
		all = append(all, g)
	}
	return all
}

func (r *region) groupMembers(id uint64, living map[int]bool) []MemberInfo {
	members := []MemberInfo{}
	for i := range r.subscribers {
		rec := &r.subscribers[i]
		st := subState(rec.state.Load())
		if rec.kind.Load() != kindMember || rec.group.Load() != id || st.owner() < 0 {
			continue
		}
		members = append(members, MemberInfo{
			ID: i, Name: rec.name.get(), PID: r.pid(st.owner()), Participant: st.owner(), Alive: living[st.owner()],
			Waiting: rec.waiting.Load() != 0, Leaving: st.state() != subActive, Lanes: []LaneID{},
		})
	}
	return members
}

// addLease adds record i to g if it is a lease of that group.
func (r *region) addLease(g *GroupInfo, id uint64, i int) {
	rec := &r.subscribers[i]
	st := subState(rec.state.Load()).state()
	if rec.kind.Load() != kindLease || rec.group.Load() != id || st != subActive && st != subDetached {
		return
	}
	n := slices.IndexFunc(r.lanes, func(l *lane) bool { return l.bit() == rec.lanes.Load() })
	if n < 0 {
		return
	}
	l := r.lanes[n]
	g.Lanes++
	g.Depth += l.Cursor(i).Depth
	holder := int(rec.holder.Load()) - 1
	if m := slices.IndexFunc(g.Members, func(m MemberInfo) bool { return m.ID == holder }); m >= 0 && st == subActive {
		g.Members[m].Lanes = append(g.Members[m].Lanes, l.id())
	} else {
		g.Free = append(g.Free, l.id())
	}
}

// pid is the process of participant i, 0 if there is none.
func (r *region) pid(i int) int {
	if i < 0 || i >= len(r.participants) {
		return 0
	}
	return int(r.participants[i].pid.Load())
}
