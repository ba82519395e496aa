package bus

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type (
	question struct{ N uint64 }
	solution struct{ N uint64 }
)

// forge publishes a value of any size with any parts.
func forge[T any](t *testing.T, b *Bus, value, tail []byte, p parts) {
	t.Helper()
	pub, err := NewPublisher[T](b, nil)
	require.NoError(t, err)
	pub.typ.size = len(value)
	require.NoError(t, pub.publish(context.Background(), value, &With{Tail: tail, parts: &p}, true))
}

// What a peer may write into the parts of a request spoils that request.
func TestForgedRequests(t *testing.T) {
	b, err := OpenLocal(nil)
	require.NoError(t, err)
	defer b.Close()
	served := make(chan uint64, 8)
	s, err := Serve(b, nil, func(ctx context.Context, q *question, e *Event) (solution, error) {
		served <- q.N
		<-ctx.Done() // at the latest when the server is closed
		return solution{}, nil
	})
	require.NoError(t, err)
	value := []byte{9, 0, 0, 0, 0, 0, 0, 0}
	for _, bits := range []uint16{0, 3, partCall, partCall | 1, partReply | 3, partCall | partReply | 3, 0xfff3} {
		forge[question](t, b, value, nil, parts{bits: bits})
	}
	require.Eventually(t, func() bool { return s.Stats().Ignored == 7 }, time.Minute, time.Millisecond)
	for _, at := range []int64{1, math.MinInt64, -1, Now()} {
		forge[question](t, b, value, nil, requestOf(1, 2, at))
	}
	require.Eventually(t, func() bool { return s.Stats().Expired == 4 }, time.Minute, time.Millisecond)
	forge[question](t, b, value[:3], nil, requestOf(1, 2, math.MaxInt64))
	require.Eventually(t, func() bool { return s.Stats().Failed == 1 }, time.Minute, time.Millisecond)
	forge[question](t, b, value, nil, requestOf(1, 2, math.MaxInt64))
	forge[question](t, b, value, nil, requestOf(^uint64(0), 0, 0))
	require.Equal(t, []uint64{9, 9}, []uint64{<-served, <-served})
	require.NoError(t, s.Close())
}

// What a peer may write into a reply is a wrong reply, or an error, to whom it
// names.
func TestForgedReplies(t *testing.T) {
	b, err := OpenLocal(nil)
	require.NoError(t, err)
	defer b.Close()
	hold := make(chan struct{})
	s, err := Serve(b, nil, func(context.Context, *question, *Event) (solution, error) {
		<-hold
		return solution{}, nil
	})
	require.NoError(t, err)
	defer s.Close()
	defer close(hold)
	c, err := NewClient[question, solution](b, nil)
	require.NoError(t, err)
	defer c.Close()
	id := uint64(0)
	call := func(value, tail []byte, bits uint16) (m Message[solution], err error) {
		id++
		done := make(chan struct{})
		go func() {
			defer close(done)
			m, err = c.CallWith(context.Background(), &question{}, With{})
		}()
		require.Eventually(t, func() bool { return c.Stats().Calls == id }, time.Minute, time.Millisecond)
		// To others, to calls that do not exist, and with too few words.
		forge[solution](t, b, value, tail, parts{partCall | partReply | 2, [3]uint64{id, c.id + 1}})
		forge[solution](t, b, value, tail, parts{partCall | partReply | 2, [3]uint64{id + 7, c.id}})
		forge[solution](t, b, value, tail, parts{partCall | partReply | 1, [3]uint64{id, c.id}})
		forge[solution](t, b, value, tail, parts{partCall | 3, [3]uint64{id, c.id}})
		forge[solution](t, b, value, tail, parts{partCall | partReply | 3 | bits, [3]uint64{id, c.id, 5}})
		<-done
		return m, err
	}
	m, err := call([]byte{8, 0, 0, 0, 0, 0, 0, 0}, []byte("tail"), 0)
	require.NoError(t, err)
	assert.Equal(t, uint64(8), m.Value.N)
	assert.Equal(t, "tail", string(m.Tail))
	_, err = call(make([]byte, 3), nil, 0)
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = call(make([]byte, 8), []byte(strings.Repeat("\xff\xc3", 200)+"cut"), partFailed|partPanicked)
	var remote *RemoteError
	require.ErrorAs(t, err, &remote)
	assert.Equal(t, "cut", remote.Text)
	assert.True(t, utf8.ValidString(err.Error()))
	assert.True(t, remote.Panicked)
	assert.Equal(t, uint64(3), c.Stats().Late)
	assert.Zero(t, c.Stats().Outstanding)
}

// A record that says it serves, and whose state or owner is no server's, is none.
func TestForgedServers(t *testing.T) {
	b, err := OpenLocal(nil)
	require.NoError(t, err)
	defer b.Close()
	c, err := NewClient[question, solution](b, &ClientOptions{Timeout: time.Millisecond})
	require.NoError(t, err)
	defer c.Close()
	id := c.pub.typ.id
	rec := &b.region.subscribers[20]
	for _, state := range []uint64{subFree, subClaimed, subCandidate, subDetached, 77} {
		s := makeSub(state, b.self, 5)
		rec.state.Store(uint64(s))
		rec.serves.Store(serving(s, id))
		_, err := c.Call(context.Background(), &question{})
		require.ErrorIs(t, err, ErrNoSubscriber)
	}
	s := makeSub(subActive, b.self, 5)
	rec.state.Store(uint64(s))
	for _, word := range []uint64{0, uint64(id), serving(makeSub(subActive, 0, 6), id), serving(s, id+1), ^uint64(0)} {
		rec.serves.Store(word)
		_, err := c.Call(context.Background(), &question{})
		require.ErrorIs(t, err, ErrNoSubscriber)
	}
	rec.serves.Store(serving(s, id))
	_, err = c.Call(context.Background(), &question{})
	require.ErrorIs(t, err, ErrTimeout)
	rec.state.Store(uint64(makeSub(subActive, 60000, 5)))
	_, err = c.Call(context.Background(), &question{})
	require.ErrorIs(t, err, ErrTimeout, "an owner that cannot be asked passes for one that lives")
	rec.state.Store(0)
}
