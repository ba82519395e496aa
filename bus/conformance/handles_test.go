package conformance_test

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// name makes a name for what a role holds.
func (p *player) name(what string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	return fmt.Sprintf("%s-%d", what, p.last)
}

// pub is a publisher of a role.
type pub struct {
	p    *player
	name string
}

func (p *player) publisher(kind string) *pub {
	p.w.t.Helper()
	return p.publisherWith(makePublisher{Kind: kind})
}

func (p *player) publisherWith(o makePublisher) *pub {
	p.w.t.Helper()
	o.Name = p.name("publisher")
	p.ask("publisher", o, nil)
	return &pub{p, o.Name}
}

// put publishes n events from seq on. All must be accepted.
func (x *pub) put(from uint64, n int) {
	x.p.w.t.Helper()
	x.send(publish{From: from, N: n})
}

// send publishes as told. All must be accepted.
func (x *pub) send(o publish) {
	x.p.w.t.Helper()
	done := x.try(o)
	require.Nil(x.p.w.t, done.Failed, "publish: %v", done.Failed)
	require.Equal(x.p.w.t, o.N, done.N)
}

func (x *pub) try(o publish) (done published) {
	x.p.w.t.Helper()
	x.start(o).must(&done)
	return done
}

func (x *pub) start(o publish) *pending {
	x.p.w.t.Helper()
	o.Name = x.name
	return x.p.start("publish", o)
}

// fill publishes until the lane is full, and returns how many there was room for.
func (x *pub) fill(from uint64) int {
	x.p.w.t.Helper()
	done := x.try(publish{From: from, N: 1 << 20, How: "TryPublishWith"})
	require.True(x.p.w.t, done.Failed.is("ErrFull"), "%v", done.Failed)
	return done.N
}

// flood publishes until it is refused for good.
func (x *pub) flood(how string, keys uint64) *pending {
	x.p.w.t.Helper()
	return x.p.start("flood", flood{Name: x.name, How: how, Keys: keys})
}

func (x *pub) stats() (s bus.PublisherStats) {
	x.p.w.t.Helper()
	x.p.ask("published", named{x.name}, &s)
	return s
}

// must waits for an order that must succeed.
func (x *pending) must(into any) {
	x.p.w.t.Helper()
	f := x.wait(into)
	require.Nil(x.p.w.t, f, "%s: %v", x.do, f)
}

// sub is a subscription of a role.
type sub struct {
	p    *player
	name string
}

// subscribe subscribes to some kinds of events, to all if there are none.
func (p *player) subscribe(o bus.SubscribeOptions, kinds ...string) *sub {
	p.w.t.Helper()
	x, f := p.trySubscribe(subscribe{Kinds: kinds, Options: o})
	require.Nil(p.w.t, f, "subscribe: %v", f)
	return x
}

func (p *player) filtered(c condition, kinds ...string) *sub {
	p.w.t.Helper()
	x, f := p.trySubscribe(subscribe{Kinds: kinds, Filter: &c})
	require.Nil(p.w.t, f, "subscribe: %v", f)
	return x
}

func (p *player) trySubscribe(o subscribe) (*sub, *failure) {
	p.w.t.Helper()
	o.Name = o.Options.Name
	if o.Name == "" {
		o.Name = p.name("subscription")
		o.Options.Name = o.Name
	}
	if o.Options.Window == 0 {
		o.Options.Window = 4
	}
	return &sub{p, o.Name}, p.try("subscribe", o, nil)
}

func (x *sub) start(o receive) *pending {
	x.p.w.t.Helper()
	o.Name = x.name
	return x.p.start("receive", o)
}

// receive receives as told.
func (x *sub) receive(o receive) (r received) {
	x.p.w.t.Helper()
	x.start(o).must(&r)
	return r
}

// take receives n events, and no gaps.
func (x *sub) take(n int) []got {
	x.p.w.t.Helper()
	r := x.receive(receive{N: n, Timeout: patience})
	require.Nil(x.p.w.t, r.Failed, "receive: %v", r.Failed)
	require.Len(x.p.w.t, r.Events, n, "events without a gap")
	return r.Events
}

// expect receives events [from, from+n).
func (x *sub) expect(from uint64, n int) {
	x.p.w.t.Helper()
	for i, g := range x.take(n) {
		require.Equal(x.p.w.t, from+uint64(i), g.Seq)
	}
}

// until receives until an event comes, and returns its number. There may be gaps.
func (x *sub) until(seq uint64) uint64 {
	x.p.w.t.Helper()
	for {
		r := x.receive(receive{N: 1, Timeout: patience})
		require.Nil(x.p.w.t, r.Failed, "receive: %v", r.Failed)
		if last := r.Events[len(r.Events)-1].Seq; last >= seq {
			return last
		}
	}
}

// rest receives what is there. Its gaps are in it.
func (x *sub) rest() []got {
	x.p.w.t.Helper()
	r := x.receive(receive{How: "TryReceive"})
	require.True(x.p.w.t, r.Failed.is("ErrEmpty"), "%v", r.Failed)
	return r.Events
}

// none requires that there is nothing to receive.
func (x *sub) none() {
	x.p.w.t.Helper()
	assert.Empty(x.p.w.t, x.rest())
}

// tally receives until an error comes that is not a gap, or n events have come.
func (x *sub) tally(how string, n int) *pending {
	x.p.w.t.Helper()
	return x.p.start("tally", receive{Name: x.name, How: how, N: n})
}

// stats are the subscription's, without how often it was woken: that depends on
// who runs when.
func (x *sub) stats() (s bus.SubscriberStats) {
	x.p.w.t.Helper()
	x.p.ask("received", named{x.name}, &s)
	s.Wakeups = 0
	return s
}

func (x *sub) hold() (g got) {
	x.p.w.t.Helper()
	x.p.ask("hold", named{x.name}, &g)
	return g
}

func (x *sub) release() {
	x.p.w.t.Helper()
	x.p.ask("release", named{x.name}, nil)
}

func (x *sub) lend(n int) received {
	x.p.w.t.Helper()
	var r received
	x.p.ask("lend", receive{Name: x.name, N: n}, &r)
	return r
}

func (x *sub) ack(nth ...int) {
	x.p.w.t.Helper()
	x.p.ask("ack", ackOrder{x.name, nth}, nil)
}

func (x *sub) close() {
	x.p.w.t.Helper()
	x.p.ask("close", named{x.name}, nil)
}

// seqs are the numbers of events; a gap is 1<<63 + what was missed.
func seqs(events []got) (all []uint64) {
	for _, g := range events {
		if g.Gap != nil {
			all = append(all, 1<<63+g.Gap.Missed)
		} else {
			all = append(all, g.Seq)
		}
	}
	return all
}

// missed is what the gaps among events sum up to.
func missed(events []got) (n uint64) {
	for _, g := range events {
		if g.Gap != nil {
			n += g.Gap.Missed
		}
	}
	return n
}

// drain starts to drain the buses of players, and waits until all have.
func drain(players ...*player) {
	var all []*pending
	for _, p := range players {
		all = append(all, p.start("drain", drainOrder{patience}))
	}
	for _, x := range all {
		x.must(nil)
	}
}

func (p *player) state() (s bus.State) {
	p.w.t.Helper()
	p.ask("state", nil, &s)
	return s
}

// evicting makes lanes give up on who stands still.
func evicting(o *setup) {
	for p := bus.Critical; p <= bus.Low; p++ {
		o.Geometry.Lane(p).EvictAfter = time.Millisecond
	}
}
