package bus_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestSnapshot(t *testing.T) {
	eachWith(t, bus.Options{Geometry: small(), Process: "sipd"}, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Name: "viewer", Window: 2, Priorities: []bus.Priority{bus.Normal, bus.Low}})
		require.NoError(t, err)
		for range 10 {
			f.publish(t, bus.Normal)
		}
		for range 3 {
			require.Equal(t, bus.Normal, next(t, sub))
		}
		publishCrumbs(t, f.low, 0, 200)
		for {
			if m, err := sub.TryReceive(); err == nil && m.Priority == bus.Low {
				break
			}
		}
		s, err := b.Snapshot()
		require.NoError(t, err)
		assert.Equal(t, b.Name(), s.Region)
		assert.Equal(t, bus.StateOpen, s.State)
		assert.GreaterOrEqual(t, s.Size, int64(small().Size()))

		require.Len(t, s.Lanes, 4)
		normal, low := s.Lanes[2], s.Lanes[3]
		assert.Equal(t, bus.LaneInfo{
			Name: "normal", Policy: "reliable", Capacity: capacity, SlotSize: 128, Tail: 10, Published: 10,
			Depth: normal.Depth, Subscribers: 1, Delivered: 10, Ports: 8, PortsUsed: 1, Pins: 64, PinsUsed: 2,
		}, normal)
		assert.Equal(t, uint64(200), low.Published)
		assert.Equal(t, "lossy", low.Policy)
		assert.Equal(t, sub.Stats().Missed, low.Lost)
		assert.Positive(t, low.Lost)

		require.Len(t, s.Subscribers, 2, "a row for each lane")
		r := s.Subscribers[1]
		assert.Equal(t, bus.SubscriberInfo{
			ID: r.ID, Name: "viewer", PID: os.Getpid(), Participant: b.ID(), Alive: true, Lane: "low",
			Cursor: r.Cursor, Depth: 200 - r.Cursor, Missed: low.Lost, Received: 1, Pinned: 2, AllTypes: true,
		}, r)
		require.Len(t, s.Participants, 1)
		p := s.Participants[0]
		assert.Equal(t, bus.ParticipantInfo{
			ID: b.ID(), Name: "sipd", PID: os.Getpid(), Alive: true, Since: p.Since, Ports: 4, Subscribers: 1,
		}, p)
		require.Len(t, s.Types, 4)
		assert.Equal(t, "test.alarm", s.Types[0].Name)
		assert.Equal(t, 8, s.Types[0].Size)
		assert.Contains(t, s.Types[0].Fields, "Seq")
		assert.Equal(t, 1, s.Types[0].Subscribers)

		text, err := json.Marshal(s)
		require.NoError(t, err)
		for _, key := range []string{`"region"`, `"state"`, `"slot_size"`, `"published"`, `"rate"`, `"depth"`, `"cursor"`, `"missed"`, `"waiting"`, `"alive"`, `"pid"`} {
			assert.Contains(t, string(text), key)
		}
	})
}

// A viewer sees what the participants see, and takes no part.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, bus.Options{Geometry: small()})
	pub := newPub[tick](t, b, nil)
	newSub[tick](t, b, nil)
	publishTicks(t, pub, 0, 10)
	v, err := bus.Inspect("test", &bus.Options{Dir: dir})
	require.NoError(t, err)
	ours, err := b.Snapshot()
	require.NoError(t, err)
	theirs, err := v.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, ours, theirs)

	require.NoError(t, b.Close())
	s, err := v.Snapshot()
	require.NoError(t, err)
	assert.Empty(t, s.Participants)
	assert.Empty(t, s.Subscribers)
	require.NoError(t, bus.Remove("test", &bus.Options{Dir: dir}), "a viewer is in nobody's way")
	require.NoError(t, v.Close())
	require.NoError(t, v.Close())
	_, err = v.Snapshot()
	assert.ErrorIs(t, err, bus.ErrClosed)
	_, err = bus.Inspect("test", &bus.Options{Dir: dir})
	assert.Error(t, err)
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, bus.Options{Geometry: small()})
	require.NoError(t, os.WriteFile(dir+"/note.txt", []byte("not a region"), 0o600))
	regions, err := bus.List(dir)
	require.NoError(t, err)
	require.Len(t, regions, 1)
	assert.Equal(t, b.Name(), regions[0].Name)
	assert.NoError(t, regions[0].Err)
	assert.GreaterOrEqual(t, regions[0].Size, int64(small().Size()))
	assert.NotEmpty(t, regions[0].ID)
}
