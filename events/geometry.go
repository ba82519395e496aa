package events

import (
	"time"

	"github.com/rvoip/shmbus/bus"
)

const (
	// LargeTail is the longest tail that every type has room for on the Critical and
	// High lanes of LargeGeometry: that of the largest UDP datagram.
	LargeTail = 64 << 10
	// largeSlot holds such a tail, the header in front of it with its optional parts, and the
	// largest value of the catalogue.
	largeSlot = LargeTail + 1024
)

// Geometry is the default shape of a switch's region:
//
//	critical   4 shards of  512 events of 2048 bytes   reliable   tails up to 1.2 KiB or more
//	high       4 shards of  512 events of 3072 bytes   reliable   tails up to 2.3 KiB or more
//	normal     4 shards of 4096 events of  768 bytes   reliable   tails up to 696 bytes
//	low        1 shard  of 8192 events of  512 bytes   lossy      tails up to 312 bytes or more
//
// It needs 48 MiB, to fit the 64 MB of /dev/shm that containers have. So there are: SDP and SIP
// messages of usual length, G.711 and wideband audio in packets of 20 ms, and
// four workers in a group, since each shard is worked on by one member. Each lane has 12 ports and
// pins for eight subscriptions; say a smaller Window where there are more.
//
// It is a value to be changed before it is used: g.Normal.SlotSize = 1536 takes packets of a
// whole Ethernet frame, g.Critical.Shards = 16 makes more shares of the calls.
func Geometry() bus.Geometry {
	lane := func(shards, capacity, slot int) bus.LaneGeometry {
		return bus.LaneGeometry{
			Shards: shards, Capacity: capacity, SlotSize: slot, Policy: bus.Reliable,
			Ports: 12, Pins: 64, Batch: 8, EvictAfter: time.Second,
		}
	}
	normal := lane(4, 4096, 768)
	normal.Batch = 16
	low := lane(1, 8192, 512)
	low.Policy, low.Ports, low.Batch = bus.Lossy, 16, 16
	return bus.Geometry{
		Participants: 64, Subscribers: 64, Types: 128,
		Critical: lane(4, 512, 2048),
		High:     lane(4, 512, 3072),
		Normal:   normal,
		Low:      low,
	}
}

// LargeGeometry is Geometry with lanes for tails of 64 KiB ([LargeTail]): any SDP in control events,
// any SIP message. It needs 55 MiB. The price is that these lanes are short:
//
//	critical   1 shard of 64 events of 65 KiB   reliable
//	high       1 shard of 64 events of 65 KiB   reliable
//
// with 6 ports each, and pins for eight subscriptions of Window 4. Where /dev/shm is larger, make
// them longer, or take only one of the two:
//
//	g := events.Geometry()
//	g.High = events.LargeGeometry().High
func LargeGeometry() bus.Geometry {
	g := Geometry()
	large := bus.LaneGeometry{
		Shards: 1, Capacity: 64, SlotSize: largeSlot, Policy: bus.Reliable,
		Ports: 6, Pins: 32, Batch: 2, EvictAfter: time.Second,
	}
	g.Critical, g.High = large, large
	return g
}
