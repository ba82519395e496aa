package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rvoip/shmbus/bus"
)

func groupSnapshot() bus.Snapshot {
	snap := switchSnapshot()
	lane := func(p bus.Priority, shards ...int) (ids []bus.LaneID) {
		for _, s := range shards {
			ids = append(ids, bus.LaneID{Priority: p, Shard: s})
		}
		return ids
	}
	snap.Subscribers = append(snap.Subscribers,
		bus.SubscriberInfo{ID: 9, Name: "worker", Group: "billing", PID: 5001, Participant: 2, Alive: true, Lane: "normal"},
		bus.SubscriberInfo{ID: 10, Name: "billing", Group: "billing", Participant: -1, Lane: "normal", Shard: 4, Depth: 7})
	snap.Groups = []bus.GroupInfo{
		{Name: "billing", Lanes: 8, Depth: 1234, Free: lane(bus.Normal, 4), Members: []bus.MemberInfo{
			{ID: 7, Name: "worker", PID: 5001, Alive: true, Lanes: append(lane(bus.Normal, 0, 1, 2, 7), lane(bus.High, 1, 0)...)},
			{ID: 8, Name: "worker", PID: 5002, Alive: true, Waiting: true},
			{ID: 11, Name: "old", PID: 5003, Alive: true, Leaving: true, Lanes: lane(bus.Normal, 3)},
			{ID: 12, Name: "older", PID: 5004},
		}},
		{Name: "idle", Lanes: 1, Free: lane(bus.Low, 0)},
	}
	return snap
}

func TestGroupsShowMembersAndLeases(t *testing.T) {
	f := newSampler(0).add(groupSnapshot(), t0)
	text := plainTheme().report(f, 0)
	for _, want := range []string{
		`\nGroups\n +GROUP +UNREAD +MEMBER +PID +STATE +LANES +WHICH`,
		`billing +1,234 +worker +5001 +awake +6/8 +high/0-1 normal/0-2,7`,
		`billing +worker +5002 +asleep +0/8 +-`,
		`billing +old +5003 +leaving +1/8 +normal/3`,
		`billing +older +5004 +dead +0/8`,
		`billing +nobody +- +free +1/8 +normal/4`,
		`idle +0 +nobody +- +free +1/1 +low/0`,
		`worker +.*group billing`,
		`group billing \(no member has the lane\): 7 events wait`,
	} {
		assert.Regexp(t, want, text)
	}
	assert.Equal(t, 6, groupRows(f))
	assert.Equal(t, len(plainTheme().groupsTable(f).rows), groupRows(f))
	assert.NotContains(t, plainTheme().report(newSampler(0).add(switchSnapshot(), t0), 0), "Groups")
}

func TestLiveViewShowsGroups(t *testing.T) {
	s := newScreen(t, plainTheme(), groupSnapshot(), 140, 50)
	assert.Contains(t, s.text(), "5 Groups 6")
	assert.Contains(t, s.text(), "normal/0-2,7")
	s.press("5")
	assert.Equal(t, paneGroups, s.app.live.focus)
	s.press("tab")
	assert.Equal(t, paneLanes, s.app.live.focus)
	s.press("shift+tab")
	assert.Equal(t, paneGroups, s.app.live.focus)
}
