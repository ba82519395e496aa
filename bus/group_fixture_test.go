package bus_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

const shards = 8

// sharded is small with several lanes of ticks.
func sharded() bus.Geometry {
	geo := small()
	geo.Normal.Shards = shards
	geo.Subscribers = 40
	return geo
}

var work = &bus.SubscribeOptions{Group: "work", Window: 4}

// ledger is what all members of a group got, outside of the bus. Events of a key
// are numbered from 0.
type ledger struct {
	mu    sync.Mutex
	next  map[uint64]uint64 // by key
	twice int
	total int
	wrong []string
}

func newLedger() *ledger { return &ledger{next: map[uint64]uint64{}} }

// note notes an event. One that came before counts as twice, a gap is wrong.
func (l *ledger) note(key, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch next := l.next[key]; {
	case seq == next:
		l.next[key]++
		l.total++
	case seq < next:
		l.twice++
	default:
		l.wrong = append(l.wrong, fmt.Sprintf("key %d: %d instead of %d", key, seq, next))
	}
}

func (l *ledger) count() (total, twice int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, l.twice
}

func (l *ledger) check(t testing.TB, keys, each int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	assert.Empty(t, l.wrong, "the order of each key")
	assert.Equal(t, keys*each, l.total)
	for k := range keys {
		assert.Equalf(t, uint64(each), l.next[uint64(k)], "key %d", k)
	}
}

// receives notes what a member views, until it is closed.
func (l *ledger) receives(m *bus.Subscriber[tick]) <-chan error {
	return async(func() error {
		for {
			err := m.View(background(), func(v *tick, e *bus.Event) error {
				l.note(e.Header().Key, v.Seq)
				return nil
			})
			if errors.Is(err, bus.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

// publishKeys publishes events [from, to) of each key, key by key.
func publishKeys(pub *bus.Publisher[tick], keys, from, to int) error {
	for seq := from; seq < to; seq++ {
		for k := range keys {
			if err := pub.PublishWith(background(), &tick{Seq: uint64(seq)}, bus.With{Key: uint64(k)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// leases counts the lanes that each member of a group has, by name.
func leases(t testing.TB, b *bus.Bus) map[string]int {
	t.Helper()
	s, err := b.Snapshot()
	require.NoError(t, err)
	n := map[string]int{}
	for _, g := range s.Groups {
		for _, m := range g.Members {
			n[m.Name] += len(m.Lanes)
		}
	}
	return n
}

// settled waits until the members have leases like that.
func settled(t testing.TB, b *bus.Bus, want map[string]int) {
	t.Helper()
	var got map[string]int
	ok := assert.Eventually(t, func() bool {
		got = leases(t, b)
		return assert.ObjectsAreEqual(want, got)
	}, patience, often)
	require.True(t, ok, "want %v, got %v", want, got)
}

func member(t testing.TB, b *bus.Bus, name string) *bus.Subscriber[tick] {
	t.Helper()
	o := *work
	o.Name = name
	return newSub[tick](t, b, &o)
}
