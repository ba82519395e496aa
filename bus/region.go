package bus

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// The layout of a region. Every part starts on a line of its own.
//
//	0                shm.HeaderSize bytes: the file's header, with the geometry
//	bell             ring.BellSize: one bell for all subscribers
//	participants     participants x 128
//	subscribers      subscribers x 256
//	subscriber types subscribers x (a bit per type and one for all, in lines): what each takes
//	types            types x 8: the order of registration; then types x 2048: records
//	receive counts   subscribers x (types x 16, in pairs of lines)
//	publish counts   lanes x ports x (types x 24, in pairs of lines)
//	lanes            critical/0, critical/1 ... low/n, each as ring lays it out
type regionLayout struct {
	bell, participants, subscribers, subscriberTypes, typeOrder, typeRecords, receiveCounts int
	lanes                                                                                   []laneAt
	size                                                                                    int
}

type laneAt struct {
	priority Priority
	shard    int
	geo      ring.Geometry
	off      int
	counts   int // of its ports
}

const (
	participantSize = 128
	subscriberSize  = 256
	typeSize        = 2048
	pageSize        = 4096
)

func (g *Geometry) layout() regionLayout {
	up := func(n, to int) int { return (n + to - 1) / to * to }
	var l regionLayout
	l.bell = shm.HeaderSize
	l.participants = l.bell + ring.BellSize
	l.subscribers = l.participants + g.Participants*participantSize
	l.subscriberTypes = l.subscribers + g.Subscribers*subscriberSize
	l.typeOrder = l.subscriberTypes + g.Subscribers*typeSetSize(g.Types)
	l.typeRecords = up(l.typeOrder+8*g.Types, 128)
	l.receiveCounts = l.typeRecords + g.Types*typeSize
	counts := l.receiveCounts + g.Subscribers*receiveCountsSize(g.Types)
	l.size = counts
	for p := Critical; p <= Low; p++ {
		l.size += g.Lane(p).Shards * g.Lane(p).Ports * publishCountsSize(g.Types)
	}
	for p := Critical; p <= Low; p++ {
		geo := g.ring(p)
		for shard := range g.Lane(p).Shards {
			l.size = up(l.size, pageSize)
			l.lanes = append(l.lanes, laneAt{p, shard, geo, l.size, counts})
			l.size += geo.Size()
			counts += geo.Ports * publishCountsSize(g.Types)
		}
	}
	l.size = up(l.size, pageSize)
	return l
}

// Size is the number of bytes of a region of this geometry.
func (g Geometry) Size() int {
	if !g.static.is() {
		g = g.withDefaults()
	}
	l := g.layout()
	return l.size
}

// region is a region's memory, taken apart.
type region struct {
	geo          Geometry
	bell         *ring.Bell
	participants []participant
	subscribers  []subscriberRecord
	types        registry
	lanes        []*lane
}

// lane is one ring of the region.
type lane struct {
	*ring.Lane
	priority Priority
	shard    int
	index    int             // among the lanes of the region
	static   string          // name of the static ring that it is; its priority is Normal and means nothing
	counts   []publishCounts // by port
}

// bit stands for the lane in sets of the region's lanes.
func (l *lane) bit() uint64 { return 1 << l.index }

func (l *lane) name() string {
	if l.static != "" {
		return staticLane(l.static)
	}
	return laneName(l.priority, l.shard)
}

// kind is what viewers list the lane as.
func (l *lane) kind() string {
	if l.static != "" {
		return laneStatic
	}
	return l.priority.String()
}

// shaped is where the shape of the lane is given.
func (l *lane) shaped() string {
	if l.static != "" {
		return "the StaticOptions"
	}
	return "its LaneGeometry"
}

// laneError says on which lane something went wrong.
func laneError(l *lane, err error) error { return fmt.Errorf("lane %s: %w", l.name(), err) }

// formatRegion lays out a fresh region.
func formatRegion(mem []byte, g *Geometry) error {
	at := g.layout()
	for _, l := range at.lanes {
		if err := ring.Format(mem[l.off:l.off+l.geo.Size()], l.geo, 0); err != nil {
			return fmt.Errorf("lay out lane %s: %w", laneName(l.priority, l.shard), err)
		}
	}
	return nil
}

// bindRegion takes the memory of a region apart. It only loads.
func bindRegion(mem []byte, g Geometry, parker ring.Parker) (*region, error) {
	at := g.layout()
	if len(mem) < at.size {
		return nil, fmt.Errorf("%w: its geometry needs %d bytes, it has %d", ErrCorrupt, at.size, len(mem))
	}
	r := &region{geo: g, bell: ring.NewBell(mem[at.bell:at.participants], parker)}
	for i := range g.Participants {
		off := at.participants + i*participantSize
		r.participants = append(r.participants, bindParticipant(mem[off:off+participantSize]))
	}
	for i := range g.Subscribers {
		off := at.subscribers + i*subscriberSize
		rec := bindSubscriber(mem[off : off+subscriberSize])
		rec.types = bindTypeSet(mem, at.subscriberTypes+i*typeSetSize(g.Types), g.Types)
		rec.counts = bindReceiveCounts(mem, at.receiveCounts+i*receiveCountsSize(g.Types), g.Types)
		r.subscribers = append(r.subscribers, rec)
	}
	r.types = registry{order: word.U64s(mem, at.typeOrder, g.Types)}
	for i := range g.Types {
		off := at.typeRecords + i*typeSize
		r.types.records = append(r.types.records, mem[off:off+typeSize:off+typeSize])
	}
	for i, l := range at.lanes {
		rl, err := ring.Attach(mem[l.off:l.off+l.geo.Size()], l.geo, parker)
		if err != nil {
			return nil, fmt.Errorf("lane %s: %w", laneName(l.priority, l.shard), err)
		}
		bound := &lane{Lane: rl, priority: l.priority, shard: l.shard, index: i, static: g.static.Ring}
		for port := range l.geo.Ports {
			bound.counts = append(bound.counts, bindPublishCounts(mem, l.counts+port*publishCountsSize(g.Types), g.Types))
		}
		r.lanes = append(r.lanes, bound)
	}
	return r, nil
}

// putText writes a short string into bytes that nobody else uses yet: a length
// byte, then at most as many bytes as fit.
func putText(b []byte, s string) {
	n := copy(b[1:], s)
	b[0] = byte(n)
}

func getText(b []byte) string {
	n := min(int(b[0]), len(b)-1)
	return string(b[1 : 1+n])
}

// textSize is the size of a text that may be read while it is written.
const textSize = 64

// sharedText is a text in words: who reads one that is being replaced gets a mix
// of old and new bytes, and finds out by the state word of the record, if it
// matters.
type sharedText []atomic.Uint64

func bindText(b []byte, off int) sharedText { return word.U64s(b, off, textSize/8) }

func (t sharedText) put(s string) {
	var b [textSize]byte
	putText(b[:], s)
	for i := range t {
		t[i].Store(binary.LittleEndian.Uint64(b[8*i:]))
	}
}

func (t sharedText) get() string {
	var b [textSize]byte
	for i := range t {
		binary.LittleEndian.PutUint64(b[8*i:], t[i].Load())
	}
	return getText(b[:])
}

// participant is one attached process. Its lock byte says whether it is alive.
//
//	0 state u64 | 8 incarnation u64 | 16 pid u64 | 24 start u64 | 32 since (unix ns) u64 | 64 name [64]
type participant struct {
	state, incarnation, pid, start, since *atomic.Uint64
	name                                  sharedText
}

const (
	participantFree uint64 = iota
	participantActive
)

func bindParticipant(b []byte) participant {
	return participant{
		state: word.U64(b, 0), incarnation: word.U64(b, 8), pid: word.U64(b, 16),
		start: word.U64(b, 24), since: word.U64(b, 32), name: bindText(b, 64),
	}
}

// subscriberRecord is one subscription, or a part of a group.
//
//	0 state u64 | 8 lanes u64 (bit per lane) | 16 waiting u32 | 20 kind u32 | 24 window u64 | 32 hold u64 |
//	40 since u64 | 48 wakeups u64 | 56 serves u64 | 64 name [64] | 128 durable [64], or the name of the group |
//	192 group u64 | 200 epoch u64 | 208 scope u64 | 216 holder u64 | 224 filter u64
type subscriberRecord struct {
	state, lanes, window        *atomic.Uint64
	hold, since                 *atomic.Uint64 // see hold.go
	wakeups                     *atomic.Uint64
	waiting, kind               *atomic.Uint32
	serves                      *atomic.Uint64
	name, durable               sharedText
	group, epoch, scope, holder *atomic.Uint64 // see grouprecord.go
	filter                      *atomic.Uint64
	types                       typeSet
	counts                      receiveCounts
}

func bindSubscriber(b []byte) subscriberRecord {
	return subscriberRecord{
		state: word.U64(b, 0), lanes: word.U64(b, 8), waiting: word.U32(b, 16), kind: word.U32(b, 20), window: word.U64(b, 24),
		hold: word.U64(b, 32), since: word.U64(b, 40), wakeups: word.U64(b, 48), serves: word.U64(b, 56),
		name: bindText(b, 64), durable: bindText(b, 128),
		group: word.U64(b, 192), epoch: word.U64(b, 200), scope: word.U64(b, 208), holder: word.U64(b, 216),
		filter: word.U64(b, 224),
	}
}
