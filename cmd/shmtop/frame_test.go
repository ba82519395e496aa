package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestSamplerMeasuresRatesBetweenTwoReads(t *testing.T) {
	s := newSampler(0)
	snap := switchSnapshot()
	f := s.add(snap, t0)
	for _, r := range []float64{f.Lanes[0].Rate, f.subs[0].rate, f.parts[2].rate, f.rate()} {
		assert.Equal(t, "-", rate(r), "one read has no rate")
	}

	snap.Lanes[0].Published += 500
	snap.Lanes[3].Lost += 30
	snap.Subscribers[0].Received += 400
	snap.Subscribers[2].Received += 100
	f = s.add(snap, t0.Add(2*time.Second))
	assert.Equal(t, 250.0, f.Lanes[0].Rate)
	assert.Zero(t, f.Lanes[1].Rate)
	assert.Equal(t, 15.0, f.lanes[3].losing)
	assert.Equal(t, 200.0, f.subs[0].rate)
	assert.Equal(t, 250.0, f.parts[2].rate, "both lanes of mediad")
	assert.Equal(t, uint64(6048), f.parts[2].depth)
	assert.Equal(t, 250.0, f.rate())
	assert.Equal(t, 4, f.alive())
}

func TestSamplerMeasuresRatesOfTypes(t *testing.T) {
	s := newSampler(0)
	snap := switchSnapshot()
	f := s.add(snap, t0)
	assert.True(t, math.IsNaN(f.types[0].rate), "one read has no rate")
	snap.Types[1].Published += 500
	f = s.add(snap, t0.Add(2*time.Second))
	assert.Zero(t, f.types[0].rate)
	assert.Equal(t, 250.0, f.types[1].rate)
	snap.Types = snap.Types[1:]
	snap.Types[0].Published += 100
	f = s.add(snap, t0.Add(3*time.Second))
	assert.Equal(t, 100.0, f.types[0].rate, "by its name")
}

func TestSamplerShowsNoRateForACounterThatWentBack(t *testing.T) {
	s := newSampler(0)
	snap := switchSnapshot()
	s.add(snap, t0)
	snap.Lanes[0].Published = 3
	assert.Zero(t, s.add(snap, t0.Add(time.Second)).Lanes[0].Rate)
	snap.Lanes[0].Published = 13
	assert.Equal(t, 10.0, s.add(snap, t0.Add(2*time.Second)).Lanes[0].Rate)
}

func TestSamplerFollowsLanesByNameNotByRow(t *testing.T) {
	s := newSampler(time.Minute)
	snap := switchSnapshot()
	s.add(snap, t0)
	swapped := switchSnapshot()
	swapped.Lanes[0], swapped.Lanes[3] = swapped.Lanes[3], swapped.Lanes[0]
	f := s.add(swapped, t0.Add(time.Second))
	assert.Zero(t, f.rate())
	require.NotNil(t, f.lanes[0].history)

	s.add(bus.Snapshot{}, t0.Add(2*time.Second))
	assert.Empty(t, s.lanes, "what is gone is not kept")
	assert.Empty(t, s.subs)
}

func TestSubscriberStates(t *testing.T) {
	s := newSampler(0)
	snap := switchSnapshot()
	s.add(snap, t0)
	snap.Subscribers[2].Cursor++ // mediad moves on normal, not on high
	f := s.add(snap, t0.Add(stallAfter))
	var got []subState
	for _, sub := range f.subs {
		got = append(got, sub.state)
	}
	assert.Equal(t, []subState{subAsleep, subStalled, subReading, subAway, subStalled, subDead}, got)
	assert.Equal(t, []partFacts{
		{state: partAlive}, {state: partAlive}, {state: partStalled, depth: 6048},
		{state: partStalled, depth: 16384}, {state: partDead, depth: 2048},
	}, f.parts)

	snap.Subscribers[1].Depth, snap.Subscribers[4].Cursor = 0, 1<<30
	snap.Subscribers[0].Waiting = false
	snap.Subscribers[4].Evicted = true
	f = s.add(snap, t0.Add(2*stallAfter))
	assert.Equal(t, subIdle, f.subs[0].state)
	assert.Equal(t, subIdle, f.subs[1].state, "nothing to read is no stall")
	assert.Equal(t, subStalled, f.subs[2].state)
	assert.Equal(t, subEvicted, f.subs[4].state)
}

func TestAlertsNameWhoIsTheCause(t *testing.T) {
	s := newSampler(0)
	snap := switchSnapshot()
	s.add(snap, t0)
	snap.Lanes[3].Lost += 40
	f := s.add(snap, t0.Add(4*time.Second))
	assert.Equal(t, []alert{
		{true, "high is full: its publishers wait for mediad (pid 4242)"},
		{true, "low loses 10 events/s: a reader is slower than its publishers"},
		{false, "recorder (pid 4199) died; the others recover its seats"},
		{false, "mediad (pid 4242) has not moved on high for 4s, 2,048 unread: frozen, hung or busy"},
		{false, "mediad (pid 4242) has not moved on normal for 4s, 4,000 unread: frozen, hung or busy"},
		{false, "billing (durable, no process): 120 events wait until one takes it up"},
		{false, "quality (pid 4250) has not moved on low for 4s, 16.4k unread: frozen, hung or busy"},
	}, f.alerts())
}

func TestAlertsRememberWhoWentForAWhile(t *testing.T) {
	s := newSampler(0)
	snap := bus.Snapshot{State: bus.StateOpen, Participants: []bus.ParticipantInfo{
		{ID: 0, Name: "sipd", PID: 10, Alive: true}, {ID: 1, Name: "mediad", PID: 11, Alive: true},
	}}
	assert.Empty(t, s.add(snap, t0).alerts())
	snap.Participants = []bus.ParticipantInfo{
		{ID: 0, Name: "sipd", PID: 10, Alive: true}, {ID: 1, Name: "mediad", PID: 12, Alive: true}, // started again, same seat
	}
	s.add(snap, t0.Add(time.Second))
	assert.Equal(t, []alert{{false, "mediad (pid 11) left or died 3s ago"}}, s.add(snap, t0.Add(4*time.Second)).alerts())
	assert.Empty(t, s.add(snap, t0.Add(2*time.Second+goneFor)).alerts())
}

func TestAlertsTellADurableSubscriptionThatMissesEvents(t *testing.T) {
	snap := bus.Snapshot{State: bus.StateOpen, Subscribers: []bus.SubscriberInfo{
		{ID: 1, Name: "billing", Durable: "billing", Participant: -1, Lane: "critical", Evicted: true},
	}}
	assert.Equal(t, []alert{{true, "billing (durable, no process) was evicted from critical: it stood still while the lane was full, and misses events"}},
		newSampler(0).add(snap, t0).alerts())
}

func TestAlertsTellWhatADurableSubscriptionMayHoldBack(t *testing.T) {
	for _, c := range []struct {
		hold bus.HoldInfo
		want string
		bad  bool
	}{
		{bus.HoldInfo{Policy: "evict", Away: 90 * time.Second}, ", away for 1m", false},
		{bus.HoldInfo{Policy: "evict", Away: time.Second, Events: 5000}, ", away for 1s; evicted behind 5,000", false},
		{bus.HoldInfo{Policy: "evict", Away: time.Second, For: time.Minute}, ", away for 1s; evicted from a full lane after 1m0s", false},
		{bus.HoldInfo{Policy: "block", Away: time.Second}, ", away for 1s; publishers will wait for it when a lane is full", false},
		{bus.HoldInfo{Policy: "block", Away: time.Second, Events: 120}, ", away for 1s; publishers will wait for it at 120", true},
	} {
		snap := bus.Snapshot{State: bus.StateOpen, Subscribers: []bus.SubscriberInfo{
			{ID: 1, Name: "billing", Durable: "billing", Participant: -1, Lane: "critical", Depth: 120, Gated: true, Hold: &c.hold},
		}}
		want := []alert{{false, "billing (durable, no process): 120 events wait until one takes it up" + c.want}}
		if c.bad {
			want = append([]alert{{true, "billing (durable, no process) is 120 events behind on critical, all that it may hold back: its publishers wait for it"}}, want...)
		}
		assert.Equal(t, want, newSampler(0).add(snap, t0).alerts())
	}
}

func TestAlertsOfARegionThatIsLeftOver(t *testing.T) {
	snap := switchSnapshot()
	for i := range snap.Participants {
		snap.Participants[i].Alive = false
	}
	snap.Lanes[1].Depth, snap.Subscribers = 0, nil
	assert.Equal(t, []alert{{true, "no process is alive (5 died): this is what they left; it can be joined again, or removed"}},
		newSampler(0).add(snap, t0).alerts())

	snap = bus.Snapshot{State: "corrupt"}
	require.Len(t, newSampler(0).add(snap, t0).alerts(), 1)
	snap.State = bus.StateOpen
	assert.Empty(t, newSampler(0).add(snap, t0).alerts())
}

func TestWatcherOpensTheRegionAgain(t *testing.T) {
	r := &fakeRegion{}
	w := &watcher{open: r.open}
	_, _, err := w.poll()
	require.ErrorIs(t, err, errGone)

	r.set(true, switchSnapshot())
	_, fresh, err := w.poll()
	require.NoError(t, err)
	assert.True(t, fresh)
	_, fresh, err = w.poll()
	require.NoError(t, err)
	assert.False(t, fresh)

	r.set(false, switchSnapshot())
	_, _, err = w.poll()
	require.ErrorIs(t, err, errRemoved)
	_, _, err = w.poll()
	require.ErrorIs(t, err, errGone)

	r.set(true, switchSnapshot())
	_, fresh, err = w.poll()
	require.NoError(t, err)
	assert.True(t, fresh, "another region under the same name")

	w.close()
	w.close()
	_, _, err = w.poll()
	require.ErrorIs(t, err, bus.ErrClosed)
	assert.Equal(t, r.opened, r.closed)
}
