package bus

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Somebody writes what he likes into the records of a group, while members are in
// it, and while deliveries are out: errors and losses, no panic and no hang.
func TestGroupRecordsThatAreWritten(t *testing.T) {
	words := map[string]func(rec *subscriberRecord) *atomic.Uint64{
		"state":  func(rec *subscriberRecord) *atomic.Uint64 { return rec.state },
		"lanes":  func(rec *subscriberRecord) *atomic.Uint64 { return rec.lanes },
		"group":  func(rec *subscriberRecord) *atomic.Uint64 { return rec.group },
		"epoch":  func(rec *subscriberRecord) *atomic.Uint64 { return rec.epoch },
		"scope":  func(rec *subscriberRecord) *atomic.Uint64 { return rec.scope },
		"holder": func(rec *subscriberRecord) *atomic.Uint64 { return rec.holder },
		"filter": func(rec *subscriberRecord) *atomic.Uint64 { return rec.filter },
	}
	values := []uint64{
		0, 1, 3, 4, ^uint64(0), 1 << 63, 0xffff,
		uint64(makeSub(subActive, 0, 9)), uint64(makeSub(subDetached, -1, 9)), uint64(makeSub(subActive, 4000, 9)),
		uint64(makeSub(subClaimed, 2, 9)), uint64(makeSub(subCandidate, 1, 9)),
	}
	for name, word := range words {
		t.Run(name, func(t *testing.T) {
			for _, v := range values {
				for kind := kindPlain; kind <= kindLease+1; kind++ {
					writeGroup(t, kind, func(rec *subscriberRecord) { word(rec).Store(v) })
				}
			}
		})
	}
	for kind := kindPlain; kind <= kindLease+1; kind++ {
		writeGroup(t, kind, func(rec *subscriberRecord) { rec.kind.Store(kind + 1) })
	}
}

// writeGroup writes into all records of that kind, and then does all there is.
func writeGroup(t *testing.T, kind uint32, write func(rec *subscriberRecord)) {
	t.Helper()
	geo := tiny()
	geo.Normal.Shards = 2
	b, err := OpenLocal(&Options{Geometry: geo, Heal: time.Millisecond})
	require.NoError(t, err)
	pub, err := NewPublisher[fuzzed](b, nil)
	require.NoError(t, err)
	join := func() *Subscriber[fuzzed] {
		m, err := Subscribe[fuzzed](b, &SubscribeOptions{Group: "work", Window: 1})
		if err != nil {
			return nil
		}
		return m
	}
	a, c := join(), join()
	for k := range uint64(4) {
		_ = pub.TryPublishWith(&fuzzed{}, With{Key: k})
	}
	d, taken := a.TryTake()
	for i := range b.region.subscribers {
		if rec := &b.region.subscribers[i]; rec.kind.Load() == kind {
			write(rec)
		}
	}
	for range 2 {
		_, _ = a.TryReceive()
		_, _ = c.ReceiveTimeout(2 * time.Millisecond)
		if more, err := c.TryTake(); err == nil {
			more.Ack()
		}
	}
	if taken == nil {
		d.Ack()
	}
	_, _ = b.Snapshot()
	another := join()
	_ = a.Close()
	if another != nil {
		_, _ = another.TryReceive()
		_ = another.Close()
	}
	_ = c.Close()
	_ = b.RemoveGroup("work")
	require.NoError(t, b.Close())
}
