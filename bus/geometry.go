package bus

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/ring"
)

// LaneGeometry is the shape of the lanes of one priority. A zero field means
// the default when a region is created, and "as it is" when one is joined.
type LaneGeometry struct {
	// Shards is how many lanes the priority has, 1 to 16. Default 1. Events
	// of a key go to the same shard.
	Shards int `json:"shards"`
	// Capacity is how many events each lane holds, a power of two. Default 2048
	// on Critical and High, 16384 on Normal and Low.
	Capacity int `json:"capacity"`
	// SlotSize is the bytes of a slot, a multiple of 64: 32 for the event's
	// header, the rest for its value and tail. Default 1024 on Critical, 4096
	// on High, 512 on Normal, 256 on Low.
	SlotSize int `json:"slot_size"`
	// Policy says what happens when a subscriber is a whole lap behind.
	// Default Lossy on Low, Reliable on the others.
	Policy Policy `json:"policy"`
	// Ports is how many producers' seats each lane has. Default 16.
	Ports int `json:"ports"`
	// Pins is the pin budget of each lane: the sum of the windows of all its
	// subscribers. A durable one keeps its share while no process has it.
	// Default 128 on Critical and High, 256 on Normal and Low.
	Pins int `json:"pins"`
	// Batch is how many events a port can hold filled or on loan. Default 16
	// on Critical and High, 64 on Normal and Low.
	Batch int `json:"batch"`
	// EvictAfter is how long a subscriber that does not move may hold a full
	// reliable lane back before producers go on without it. Default 1s;
	// negative means for ever.
	EvictAfter time.Duration `json:"evict_after_ns"`
	// NoTime leaves events without a timestamp, which saves its cost.
	NoTime bool `json:"no_time,omitempty"`
}

// Geometry is the shape of a region: its lanes and the sizes of its tables.
type Geometry struct {
	// Participants, Subscribers and Types bound how many processes may be
	// attached, how many subscriptions exist and how many types are known.
	// Defaults 64, 64 and 128.
	Participants int `json:"participants"`
	Subscribers  int `json:"subscribers"`
	Types        int `json:"types"`

	Critical LaneGeometry `json:"critical"`
	High     LaneGeometry `json:"high"`
	Normal   LaneGeometry `json:"normal"`
	Low      LaneGeometry `json:"low"`

	static staticOf // of a static ring's region: then Normal is its only lane
}

// Lane returns the geometry of the lanes of priority p, to be read or changed.
func (g *Geometry) Lane(p Priority) *LaneGeometry {
	switch p {
	case Critical:
		return &g.Critical
	case High:
		return &g.High
	case Low:
		return &g.Low
	default:
		return &g.Normal
	}
}

// DefaultGeometry is what a new region gets where nothing else is said:
//
//	critical   2048 events of 1024 bytes   reliable
//	high       2048 events of 4096 bytes   reliable
//	normal    16384 events of  512 bytes   reliable
//	low       16384 events of  256 bytes   lossy
//
// It needs 38 MiB, to fit the 64 MB of /dev/shm that containers have.
func DefaultGeometry() Geometry {
	lane := func(capacity, slot int, policy Policy) LaneGeometry {
		return LaneGeometry{
			Shards: 1, Capacity: capacity, SlotSize: slot, Policy: policy,
			Ports: 16, Pins: 128, Batch: 16, EvictAfter: time.Second,
		}
	}
	normal := lane(16384, 512, Reliable)
	normal.Pins, normal.Batch = 256, 64
	low := lane(16384, 256, Lossy)
	low.Pins, low.Batch = 256, 64
	return Geometry{
		Participants: 64, Subscribers: 64, Types: 128,
		Critical: lane(2048, 1024, Reliable),
		High:     lane(2048, 4096, Reliable),
		Normal:   normal,
		Low:      low,
	}
}

// fields lists what two geometries are compared and filled in by.
func (g *Geometry) fields() (names []string, values []*int) {
	add := func(name string, v *int) { names, values = append(names, name), append(values, v) }
	add("Participants", &g.Participants)
	add("Subscribers", &g.Subscribers)
	add("Types", &g.Types)
	for p := Critical; p <= Low; p++ {
		l := g.Lane(p)
		add(p.String()+" Shards", &l.Shards)
		add(p.String()+" Capacity", &l.Capacity)
		add(p.String()+" SlotSize", &l.SlotSize)
		add(p.String()+" Ports", &l.Ports)
		add(p.String()+" Pins", &l.Pins)
		add(p.String()+" Batch", &l.Batch)
	}
	return names, values
}

// withDefaults fills in what g leaves open.
func (g Geometry) withDefaults() Geometry {
	def := DefaultGeometry()
	_, from := def.fields()
	_, to := g.fields()
	for i, v := range to {
		if *v == 0 {
			*v = *from[i]
		}
	}
	for p := Critical; p <= Low; p++ {
		l, d := g.Lane(p), def.Lane(p)
		if l.Policy == 0 {
			l.Policy = d.Policy
		}
		if l.EvictAfter == 0 {
			l.EvictAfter = d.EvictAfter
		}
	}
	return g
}

// diff names what asked wants otherwise than g has it.
func (g Geometry) diff(asked Geometry) []string {
	var d []string
	names, have := g.fields()
	_, want := asked.fields()
	for i, w := range want {
		if *w != 0 && *w != *have[i] {
			d = append(d, fmt.Sprintf("%s is %d, asked for %d", names[i], *have[i], *w))
		}
	}
	for p := Critical; p <= Low; p++ {
		h, w := g.Lane(p), asked.Lane(p)
		if w.Policy != 0 && w.Policy != h.Policy {
			d = append(d, fmt.Sprintf("%s Policy is %s, asked for %s", p, h.Policy, w.Policy))
		}
		if w.EvictAfter != 0 && w.EvictAfter != h.EvictAfter {
			d = append(d, fmt.Sprintf("%s EvictAfter is %v, asked for %v", p, h.EvictAfter, w.EvictAfter))
		}
		if w.NoTime && !h.NoTime {
			d = append(d, fmt.Sprintf("%s NoTime is false, asked for true", p))
		}
	}
	return d
}

const (
	maxShards = 16
	// eventHeader is the size of the header in front of every event.
	eventHeader = 32
)

// validate bounds what came from a caller or from a region.
func (g *Geometry) validate() error {
	for _, t := range []struct {
		name   string
		n, max int
	}{
		{"Participants", g.Participants, 1024}, {"Subscribers", g.Subscribers, 1024}, {"Types", g.Types, 4096},
	} {
		if t.n < 1 || t.n > t.max {
			return fmt.Errorf("%w: %s is %d, must be 1 to %d", ErrOptions, t.name, t.n, t.max)
		}
	}
	if err := g.static.validate(); err != nil {
		return err
	}
	for p := Critical; p <= Low; p++ {
		l := g.Lane(p)
		if g.static.is() && p != Normal {
			if *l != (LaneGeometry{}) {
				return fmt.Errorf("%w: a static ring has no %s lane", ErrOptions, p)
			}
			continue
		}
		if g.static.is() && l.Shards != 1 {
			return fmt.Errorf("%w: a static ring has one shard, not %d", ErrOptions, l.Shards)
		}
		if l.Shards < 1 || l.Shards > maxShards {
			return fmt.Errorf("%w: %s Shards is %d, must be 1 to %d", ErrOptions, p, l.Shards, maxShards)
		}
		if l.Policy != Reliable && l.Policy != Lossy {
			return fmt.Errorf("%w: %s Policy is %d, must be Reliable or Lossy", ErrOptions, p, l.Policy)
		}
		if err := g.ring(p).Validate(); err != nil {
			return fmt.Errorf("%w: %s lane: %w", ErrOptions, p, err)
		}
	}
	return nil
}

// ring is the geometry of each lane of priority p.
func (g *Geometry) ring(p Priority) ring.Geometry {
	l := g.Lane(p)
	return ring.Geometry{
		Capacity: l.Capacity, SlotSize: l.SlotSize, Ports: l.Ports, Pins: l.Pins, Batch: l.Batch,
		Readers: g.Subscribers, Reliable: l.Policy == Reliable,
	}
}

// regionMeta is what the header of a region says of it.
type regionMeta struct {
	*Geometry
	Static *staticOf `json:"static,omitempty"`
}

func (g *Geometry) encode() ([]byte, error) {
	m := regionMeta{Geometry: g}
	if g.static.is() {
		m.Static = &g.static
	}
	return json.Marshal(m)
}

// decodeGeometry reads what encode wrote into a region's header.
func decodeGeometry(b []byte) (g Geometry, err error) {
	if len(b) == 0 {
		return g, fmt.Errorf("%w: a region without a geometry, which some other program has made for itself", ErrForeign)
	}
	m := regionMeta{Geometry: &g}
	if err := json.Unmarshal(b, &m); err != nil {
		return g, fmt.Errorf("%w: the geometry in the region's header: %w", ErrCorrupt, err)
	}
	if m.Static != nil {
		g.static = *m.Static
	}
	if err := g.validate(); err != nil {
		return g, fmt.Errorf("%w: the geometry in the region's header: %w", ErrCorrupt, err)
	}
	return g, nil
}
