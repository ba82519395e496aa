package events

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Entry describes a type of the catalogue.
type Entry struct {
	Go       string         // name of the Go type: "CallStateChanged"
	Name     string         // name of the type in a region: "rvoip.call-state-changed"
	Priority bus.Priority   // its lane
	Also     []bus.Priority // lanes of single events; see their Urgency
	Size     int            // bytes of its value

	typ    reflect.Type
	layout func() (*codec.Layout, error)
	id     func(*bus.Bus) (bus.TypeID, error)
}

// Layout describes the fields of the type. It fails only on a machine that codec does not
// support.
func (e Entry) Layout() (*codec.Layout, error) { return e.layout() }

// catalogue lists all types, by lane.
var catalogue = []Entry{
	entry[IncomingCall](),
	entry[CallStateChanged](),
	entry[CallCommand](),
	entry[CallReply](),
	entry[DialogEvent](),
	entry[TransferEvent](),
	entry[SDPEvent](),
	entry[MediaStart](),
	entry[MediaStop](),
	entry[MediaCommand](),
	entry[MediaEvent](),
	entry[Lifecycle](),

	entry[SIPMessage](),
	entry[TransactionEvent](),
	entry[TransportEvent](),
	entry[Register](),
	entry[Notification](),
	entry[TextMessage](),
	entry[DTMF](),
	entry[StreamReport](),

	entry[RTPPacket](),
	entry[RTPSend](),
	entry[RTPStream](),
	entry[MediaFrame](),

	entry[RTPStats](),
	entry[RTCPReport](),
	entry[MediaQuality](),
	entry[Metric](),
	entry[LogLine](),
}

func entry[T bus.EventTyper]() Entry {
	var v T
	o, t := v.EventType(), reflect.TypeFor[T]()
	return Entry{
		Go: t.Name(), Name: o.Name, Priority: o.Priority, Also: o.Also, Size: int(t.Size()),
		typ: t, layout: codec.Of[T], id: bus.TypeFor[T],
	}
}

// Catalogue returns all types of this package, by lane.
func Catalogue() []Entry { return slices.Clone(catalogue) }

// Declare registers all types of the catalogue in the region of b. It is optional: types
// are registered by those who use them. Who calls it learns at the start, rather than at the
// first event of a type, that another process was built from another version of this
// package (a *bus.SchemaError), and viewers know all types at once.
func Declare(b *bus.Bus) error {
	for _, e := range catalogue {
		if _, err := e.id(b); err != nil {
			return err
		}
	}
	return nil
}

// Types returns the ids of types of the catalogue in the region of b, for SubscribeOptions.Types:
//
//	types, err := events.Types(b, events.CallStateChanged{}, events.SIPMessage{})
//
// Only the types of the values count. A type that is not of the catalogue is an ErrOptions.
func Types(b *bus.Bus, of ...bus.EventTyper) ([]bus.TypeID, error) {
	ids := make([]bus.TypeID, 0, len(of))
	for _, v := range of {
		t := reflect.TypeOf(v)
		i := slices.IndexFunc(catalogue, func(e Entry) bool { return e.typ == t })
		if i < 0 {
			return nil, fmt.Errorf("%w: %v is no type of the catalogue; use bus.TypeFor", bus.ErrOptions, t)
		}
		id, err := catalogue[i].id(b)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
