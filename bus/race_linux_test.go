package bus_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	roles["opener"] = opener
	roles["declarer"] = declarer
}

// opener joins or creates when it is told to, and says what it got.
func opener(args []string) {
	s := newStage(args)
	say("ready")
	s.next()
	b, err := bus.Open("test", &s.options)
	if geo, ok := errors.AsType[*bus.GeometryError](err); ok {
		say("differs: %s", strings.Join(geo.Differences, "; "))
		return
	}
	must(err)
	say("capacity %d id %d", b.Geometry().Normal.Capacity, b.ID())
	s.next()
}

// However many processes with different wishes start at the same time, there is
// one region, and who wished for another is told so.
func TestCreateOrJoinRace(t *testing.T) {
	const processes = 12
	for range 3 {
		dir := t.TempDir()
		var all []*child
		for i := range processes {
			o := bus.Options{Dir: dir}
			if i%3 > 0 { // a third has no wish
				o.Geometry = small()
				o.Geometry.Participants = 16
				o.Geometry.Normal.Capacity = 64 * (i % 3)
			}
			c := start(t, "opener", o)
			require.Equal(t, "ready", c.hear())
			all = append(all, c)
		}
		for _, c := range all {
			c.tell("go")
		}
		capacities, ids, differ := map[int]int{}, map[int]bool{}, 0
		for _, c := range all {
			line := c.hear()
			var capacity, id int
			if _, err := fmt.Sscanf(line, "capacity %d id %d", &capacity, &id); err == nil {
				capacities[capacity]++
				assert.False(t, ids[id], "two have seat %d", id)
				ids[id] = true
				continue
			}
			require.Contains(t, line, "differs: ")
			require.Contains(t, line, "normal Capacity is")
			differ++
		}
		require.Lenf(t, capacities, 1, "capacities: %v", capacities)
		for capacity := range capacities {
			// Of a created default nobody with a wish gets what it wished.
			if capacity == bus.DefaultGeometry().Normal.Capacity {
				assert.Equal(t, processes*2/3, differ)
			} else {
				assert.Equal(t, processes/3, differ)
			}
		}
		for _, c := range all {
			c.kill()
		}
	}
}

type callV1 struct {
	Seq   uint64
	State uint32
	Code  uint16
	_     [2]byte
}

func (callV1) EventType() bus.TypeOptions { return bus.TypeOptions{Name: "call"} }

type callV2 struct {
	Seq   uint64
	State int64
}

func (callV2) EventType() bus.TypeOptions { return bus.TypeOptions{Name: "call"} }

// declarer declares a type as it was in version 1.
func declarer(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	id, err := bus.TypeFor[callV1](b)
	must(err)
	say("type %d", id)
	s.next()
}

func TestProcessesThatDeclareATypeDifferently(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	p := start(t, "declarer", c.o)
	require.Equal(t, "type 1", p.hear())
	_, err := bus.NewPublisher[callV2](c.b, nil)
	var schema *bus.SchemaError
	require.ErrorAs(t, err, &schema)
	all := strings.Join(schema.Differences, "\n")
	assert.Contains(t, all, "State")
	assert.Contains(t, all, "Code")
	assert.Equal(t, bus.TypeID(1), typeID[callV1](t, c.b))
	p.kill()
	_, err = bus.TypeFor[callV2](c.b)
	assert.ErrorIs(t, err, bus.ErrSchema, "a type outlives the process that declared it")
	s, err := c.b.Snapshot()
	require.NoError(t, err)
	assert.Contains(t, s.Types[0].Fields, "Code")
}
