package bus

import (
	"time"

	"github.com/rvoip/shmbus/shm"
)

// Snapshot is what a region looks like at about one instant. Its JSON form is
// what shmtop -once -json prints.
type Snapshot struct {
	Region       string            `json:"region"`
	Static       string            `json:"static,omitempty"` // name of the static ring that it is
	State        State             `json:"state"`            // StateOpen, StateRemoved or StateCorrupt
	Size         int64             `json:"size"`             // bytes
	Lanes        []LaneInfo        `json:"lanes"`
	Subscribers  []SubscriberInfo  `json:"subscribers"`
	Groups       []GroupInfo       `json:"groups"`
	Participants []ParticipantInfo `json:"participants"`
	Types        []TypeInfo        `json:"types"`
}

// LaneInfo describes one lane. What it counts goes back to the making of the
// region, and includes what subscriptions counted that have gone.
type LaneInfo struct {
	Name        string  `json:"name"` // of the priority
	Shard       int     `json:"shard"`
	Policy      string  `json:"policy"`
	Capacity    int     `json:"capacity"`
	SlotSize    int     `json:"slot_size"`
	Tail        uint64  `json:"tail"`
	Published   uint64  `json:"published"`
	Rate        float64 `json:"rate"`  // events per second between two snapshots; left to the viewer
	Depth       uint64  `json:"depth"` // what the subscriber furthest behind has not read
	Subscribers int     `json:"subscribers"`
	Delivered   uint64  `json:"delivered"` // events received, summed over its subscribers
	Filtered    uint64  `json:"filtered"`  // passed over by its subscribers, summed
	Lost        uint64  `json:"lost"`      // missed by its subscribers, summed
	Full        uint64  `json:"full"`      // publishes that found no room
	Wakeups     uint64  `json:"wakeups"`   // publishes that woke subscribers
	Evictions   uint64  `json:"evictions"` // subscribers that lost their hold on it
	Ports       int     `json:"ports"`
	PortsUsed   int     `json:"ports_used"`
	Pins        int     `json:"pins"`
	PinsUsed    int     `json:"pins_used"`
}

// SubscriberInfo describes one subscription on one lane.
type SubscriberInfo struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	Durable     string `json:"durable,omitempty"`
	Group       string `json:"group,omitempty"` // whose lease of the lane it is; Name is the member that has it
	PID         int    `json:"pid"`             // 0 while no process has it
	Participant int    `json:"participant"`     // -1 while no process has it
	Alive       bool   `json:"alive"`
	Lane        string `json:"lane"`
	Shard       int    `json:"shard"`
	Cursor      uint64 `json:"cursor"`
	Depth       uint64 `json:"depth"`
	Missed      uint64 `json:"missed"`
	Received    uint64 `json:"received"`
	Filtered    uint64 `json:"filtered"`
	Waiting     bool   `json:"waiting"`
	Gated       bool   `json:"gated"`   // holds producers of a reliable lane back
	Evicted     bool   `json:"evicted"` // on a reliable lane, and does not
	Pinned      int    `json:"pinned"`
	Evictions   uint64 `json:"evictions"` // times that it lost its hold on the lane
	Wakeups     uint64 `json:"wakeups"`   // times that it came back from sleep, on whatever lane
	// What a durable subscription may hold back, nil for others.
	Hold *HoldInfo `json:"hold,omitempty"`
	// What it takes: the types by name, or all types, also those to come.
	Types    []string `json:"types,omitempty"`
	AllTypes bool     `json:"all_types"`
	Serves   string   `json:"serves,omitempty"` // of a server: the type of the requests
}

// HoldInfo says how much a durable subscription may hold back while no process
// has it, as its last process has stated it, and for how long none has.
type HoldInfo struct {
	Policy string        `json:"policy"`           // "evict" or "block"
	Events uint64        `json:"events,omitempty"` // HoldEvents, 0 for a whole lap
	For    time.Duration `json:"for_ns,omitempty"` // HoldFor, 0 for the lane's EvictAfter
	Away   time.Duration `json:"away_ns"`          // 0 while a process has it
}

// ParticipantInfo describes one attached process.
type ParticipantInfo struct {
	ID          int       `json:"id"`
	Name        string    `json:"name"`
	PID         int       `json:"pid"`
	Alive       bool      `json:"alive"`
	Since       time.Time `json:"since"`
	Ports       int       `json:"ports"`
	Subscribers int       `json:"subscribers"`
}

// TypeInfo describes one type. What it counts goes back to the making of the
// region. A process that is killed may leave its last batch uncounted.
type TypeInfo struct {
	Name        string   `json:"name"`
	ID          int      `json:"id"`
	Priority    string   `json:"priority"`
	Also        []string `json:"also,omitempty"` // other priorities that single events may have
	Size        int      `json:"size"`
	Fields      string   `json:"fields"`
	Subscribers int      `json:"subscribers"` // subscriptions that take it
	Published   uint64   `json:"published"`   // events accepted
	Delivered   uint64   `json:"delivered"`   // events received, summed over subscriptions
	Filtered    uint64   `json:"filtered"`    // passed over, summed over subscriptions
	Full        uint64   `json:"full"`        // publishes that found no room
	Wakeups     uint64   `json:"wakeups"`     // publishes that woke subscribers
}

// Snapshot describes the region as this process sees it. It only reads; the state
// is what Check finds. Its errors are ErrClosed and ErrFault.
func (b *Bus) Snapshot() (s Snapshot, err error) {
	err = b.guarded(func() error {
		s = b.region.snapshot(b.Name(), len(b.mem.Bytes()), func(i int, p *participant) bool {
			if i == b.self {
				return true
			}
			return isAlive(b.mem, i, p)
		})
		if s.State = stateOf(b.mem.Check()); s.State == StateOpen {
			s.State = stateOf(b.region.check())
		}
		return nil
	})
	return s, err
}

// isAlive asks for the lock byte of participant i or, where that may not be
// asked for, for its process.
func isAlive(mem backing, i int, p *participant) bool {
	held, err := mem.Locked(i)
	if err == nil {
		return held
	}
	alive, known := shm.Process{PID: int(p.pid.Load()), Start: p.start.Load()}.Alive()
	return alive && known
}

// snapshot reads the whole region. alive tells whether a participant lives.
func (r *region) snapshot(name string, size int, alive func(i int, p *participant) bool) Snapshot {
	s := Snapshot{Region: name, Static: r.geo.static.Ring, State: StateOpen, Size: int64(size), Lanes: []LaneInfo{},
		Subscribers: []SubscriberInfo{}, Participants: []ParticipantInfo{}, Types: []TypeInfo{}}
	living := make(map[int]bool)
	ports := make(map[uint64]int)
	for _, l := range r.lanes {
		for i := range l.Geometry().Ports {
			ports[l.PortOwner(i)]++
		}
	}
	subs := make(map[int]int)
	for i := range r.subscribers {
		if o := subState(r.subscribers[i].state.Load()).owner(); o >= 0 && r.subscribers[i].kind.Load() != kindLease {
			subs[o]++
		}
	}
	for i := range r.participants {
		p := &r.participants[i]
		if p.state.Load() != participantActive {
			continue
		}
		living[i] = alive(i, p)
		s.Participants = append(s.Participants, ParticipantInfo{
			ID: i, Name: p.name.get(), PID: int(p.pid.Load()), Alive: living[i],
			Since: time.Unix(0, int64(p.since.Load())), Ports: ports[uint64(i+1)], Subscribers: subs[i],
		})
	}
	types := r.types.list()
	for i, l := range r.lanes {
		info := r.laneInfo(l)
		for j := range r.subscribers {
			row, ok := r.subscriberInfo(i, j, living)
			if !ok {
				continue
			}
			row.Types, row.AllTypes = r.subscribers[j].types.names(types)
			row.Serves = r.subscribers[r.sleeper(j)].servesName(types)
			s.Subscribers = append(s.Subscribers, row)
			info.Subscribers++
			info.Depth = max(info.Depth, row.Depth)
		}
		s.Lanes = append(s.Lanes, info)
	}
	s.Groups = r.groups(types, living)
	for _, t := range types {
		info := TypeInfo{Name: t.name, ID: int(t.id), Priority: t.priority.String(), Size: t.layout.Size, Fields: t.layout.FieldList(), Also: t.also.names()}
		for j := range r.subscribers {
			rec := &r.subscribers[j]
			if kind := rec.kind.Load(); rec.exists() && (kind == kindPlain || kind == kindGroup) && rec.types.has(t.id) {
				info.Subscribers++
			}
		}
		s.Types = append(s.Types, info)
	}
	r.addCounts(s.Types, s.Lanes)
	return s
}

func (r *region) laneInfo(l *lane) LaneInfo {
	geo, st := l.Geometry(), l.Stats()
	return LaneInfo{
		Name: l.kind(), Shard: l.shard, Policy: r.geo.Lane(l.priority).Policy.String(),
		Capacity: geo.Capacity, SlotSize: geo.SlotSize, Tail: st.Tail, Published: st.Published, Full: st.Full,
		Delivered: st.Received, Filtered: st.Filtered, Lost: st.Missed, Evictions: st.Evictions,
		Ports: geo.Ports, PortsUsed: st.PortsUsed, Pins: geo.Pins, PinsUsed: st.PinsUsed,
	}
}

// subscriberInfo describes subscription j on lane i, if it is there.
func (r *region) subscriberInfo(i, j int, living map[int]bool) (SubscriberInfo, bool) {
	l, rec := r.lanes[i], &r.subscribers[j]
	st := subState(rec.state.Load())
	if !rec.exists() || rec.lanes.Load()>>i&1 == 0 {
		return SubscriberInfo{}, false
	}
	c := l.Cursor(j)
	row := SubscriberInfo{
		ID: j, Name: rec.name.get(), Durable: rec.durable.get(), Participant: st.owner(), Alive: living[st.owner()],
		Lane: l.kind(), Shard: l.shard, Cursor: c.Position, Depth: c.Depth, Missed: c.Missed,
		Received: c.Received, Filtered: c.Filtered, Waiting: r.subscribers[r.sleeper(j)].waiting.Load() != 0, Gated: c.Gated,
		Evicted: l.Geometry().Reliable && !c.Gated, Pinned: c.Pinned,
		Evictions: c.Evictions, Wakeups: r.subscribers[r.sleeper(j)].wakeups.Load(),
	}
	if row.Evicted {
		row.Evictions++ // its reader counts it when it comes back
	}
	row.Hold = rec.holdInfo()
	row.PID = r.pid(st.owner())
	if rec.kind.Load() == kindLease {
		row.Group, row.Durable = row.Durable, ""
		if st.state() == subDetached {
			row.Name, row.Waiting = row.Group, false
		}
	}
	return row, true
}
