package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/leak"
)

// With a backlog many more functions run at the same time than the lane has pins,
// and the lane is not held back.
func TestHandleBacklog(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		const most, backlog = 1000, 10
		hold := make(chan struct{})
		var told complaints
		o := &bus.HandlerOptions{MaxConcurrent: most, Backlog: backlog, OnError: told.tell}
		h := handle(t, b, o, func(_ context.Context, v *tick, e *bus.Event) error {
			<-hold
			if v.Seq != e.Header().Position || string(e.Tail()) != "tail" {
				return errors.New("another event")
			}
			return nil
		})
		pub := newPub[tick](t, b, nil)
		publish := func(from, to int) {
			for i := from; i < to; i++ {
				require.NoError(t, pub.PublishWith(background(), &tick{Seq: uint64(i)}, bus.With{Tail: []byte("tail")}))
			}
		}
		publish(0, most)
		require.Eventually(t, func() bool { return h.Stats().Running == most }, patience, often)
		publish(most, most+backlog)
		require.Eventually(t, func() bool { return h.Stats().Waiting == backlog }, patience, often)
		publish(most+backlog, most+backlog+3)
		require.Eventually(t, func() bool { return h.Stats().Dropped == 3 }, patience, often)
		close(hold)
		require.Eventually(t, func() bool { return h.Stats().Handled == most+backlog }, patience, often)
		require.NoError(t, h.Close())
		st := h.Stats()
		assert.Equal(t, st.Received, st.Handled+st.Dropped)
		require.Len(t, told.all(), 3)
		for _, err := range told.all() {
			require.ErrorIs(t, err, bus.ErrOverloaded)
		}
	})
}

// Functions publish to the very lane that their handler reads, while it is full.
func TestHandleBacklogPublishesToItsLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		const roots, events = 4, 6 * capacity
		h := handle(t, b, &bus.HandlerOptions{MaxConcurrent: 2, Backlog: roots * events}, func(ctx context.Context, v *tick, e *bus.Event) error {
			if len(e.Tail()) > 0 {
				return nil
			}
			for range events {
				if err := pub.PublishWith(ctx, v, bus.With{Tail: []byte("child")}); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range uint64(roots) { // the first may have filled the lane already
			require.NoError(t, pub.Publish(background(), &tick{Seq: i}))
		}
		handled(t, h, roots*(events+1))
		assert.Zero(t, h.Stats().Failed+h.Stats().Dropped)
	})
}
