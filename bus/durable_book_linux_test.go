package bus_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	roles["source"] = source
	roles["bookkeeper"] = bookkeeper
}

// source publishes under a key, by all means that there are, until it is told to
// stop. Then it says how many events were accepted.
func source(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	pub, err := bus.NewPublisher[tick](b, nil)
	must(err)
	key := number(args[1])
	stop := make(chan struct{})
	say("ready")
	go func() {
		s.next()
		close(stop)
	}()
	for seq := uint64(0); ; {
		select {
		case <-stop:
			say("%d", seq)
			return
		default:
		}
		switch seq % 3 {
		case 0:
			must(pub.PublishWith(background(), &tick{Seq: seq}, bus.With{Key: key}))
			seq++
		case 1:
			items := make([]bus.Item[tick], 5)
			for i := range items {
				items[i] = bus.Item[tick]{Value: tick{Seq: seq + uint64(i)}, With: bus.With{Key: key}}
			}
			n, err := pub.PublishItems(background(), items)
			must(err)
			seq += uint64(n)
		case 2:
			loan, err := pub.LoanFor(key)
			must(err)
			loan.Value().Seq = seq
			must(loan.Publish(background()))
			seq++
		}
	}
}

// bookkeeper has the durable subscription, and says of each event when it gets it and
// when it has finished it.
func bookkeeper(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	sub, err := bus.Subscribe[tick](b, bookOptions())
	must(err)
	got := func(h bus.Header, v *tick) { say("got %d %d %d", h.Position, h.Key, v.Seq) }
	fin := func(pos uint64) { say("fin %d", pos) }
	switch args[1] {
	case "view":
		for {
			pos := uint64(0)
			must(sub.View(background(), func(v *tick, e *bus.Event) error {
				pos = e.Header().Position
				got(e.Header(), v)
				return nil
			}))
			fin(pos)
		}
	case "view batch":
		for {
			pos, n := uint64(0), 0
			_, err := sub.ViewBatch(background(), 100, func(v *tick, e *bus.Event) error {
				if n++; n > 1 {
					fin(pos)
				}
				pos = e.Header().Position
				got(e.Header(), v)
				return nil
			})
			must(err)
			fin(pos)
		}
	case "receive":
		for pos, n := uint64(0), 0; ; n++ {
			m, err := sub.Receive(background())
			must(err)
			if n > 0 {
				fin(pos)
			}
			pos = m.Position
			got(m.Header, &m.Value)
		}
	case "receive batch":
		dst := make([]bus.Message[tick], 100)
		for pos, n := uint64(0), 0; ; {
			m, err := sub.ReceiveBatch(background(), dst)
			must(err)
			if n > 0 {
				fin(pos)
			}
			n = m
			for _, m := range dst[:m] {
				pos = m.Position
				got(m.Header, &m.Value)
			}
		}
	case "take":
		for {
			d, err := sub.Take(background())
			must(err)
			pos := d.Event().Header().Position
			got(d.Event().Header(), d.Value())
			d.Ack()
			fin(pos)
		}
	}
	os.Exit(2)
}

// bookOptions make publishers wait for the subscription while it is dead.
func bookOptions() *bus.SubscribeOptions {
	return &bus.SubscribeOptions{Durable: "billing", Window: 8, HoldPolicy: bus.HoldBlock}
}

// book is what the lives of a durable subscriber have said, held to account: every
// position once, in order, and again only what a life had not finished.
type book struct {
	t        *testing.T
	events   []string          // by position: key and sequence
	next     map[uint64]uint64 // by key
	finished int               // events, from the first on
	at       int               // where this life is, -1 before its first event
	again    int
}

func (b *book) hear(line string) {
	b.t.Helper()
	var pos int
	var key, seq uint64
	if n, _ := fmt.Sscanf(line, "fin %d", &pos); n == 1 {
		require.Less(b.t, pos, len(b.events))
		b.finished = max(b.finished, pos+1)
		return
	}
	n, _ := fmt.Sscanf(line, "got %d %d %d", &pos, &key, &seq)
	require.Equal(b.t, 3, n, line)
	if b.at < 0 {
		require.GreaterOrEqual(b.t, pos, b.finished, "what was finished does not come again")
		require.LessOrEqual(b.t, pos, len(b.events), "what was never received is not left out")
		b.again += len(b.events) - pos
	} else {
		require.Equal(b.t, b.at, pos)
	}
	b.at = pos + 1
	event := fmt.Sprint(key, " ", seq)
	if pos < len(b.events) {
		require.Equal(b.t, b.events[pos], event, "the same event again")
		return
	}
	require.Equal(b.t, b.next[key], seq, "of publisher %d", key)
	b.next[key]++
	b.events = append(b.events, event)
}

// A durable subscriber is killed twenty times under load on a reliable lane, and
// each time another one takes over, by another way of receiving: no event is
// missed, the order holds, and only unfinished events come twice.
func TestDurableSubscriberKilledTwentyTimes(t *testing.T) {
	const kills, sources = 20, 3
	c := newCrew(t, bus.Options{Geometry: small()})
	require.NoError(t, newSub[tick](t, c.b, bookOptions()).Close())
	var crew []*child
	for key := range sources {
		p := start(t, "source", c.o, fmt.Sprint(key))
		require.Equal(t, "ready", p.hear())
		crew = append(crew, p)
	}
	b := &book{t: t, next: map[uint64]uint64{}}
	ways := []string{"view", "view batch", "receive", "receive batch", "take"}
	for life := range kills {
		sub := start(t, "bookkeeper", c.o, ways[life%len(ways)])
		b.at = -1
		for heard := 0; ; heard++ {
			if heard == 40+37*life {
				sub.signal(syscall.SIGKILL) // what it has said is still to be heard
			}
			line := sub.hear()
			if line == "" {
				break
			}
			b.hear(line)
		}
		sub.kill()
		require.Equal(t, syscall.SIGKILL, sub.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	}

	sub := start(t, "bookkeeper", c.o, "view")
	b.at = -1
	for range 1000 {
		b.hear(sub.hear())
	}
	for _, p := range crew {
		p.tell("stop")
	}
	// They may still wait for room: their counts come once there is some.
	counts, lines := make(chan [2]uint64), make(chan string)
	for key, p := range crew {
		go func() {
			var n uint64
			_, err := fmt.Sscan(p.hear(), &n)
			assert.NoError(t, err)
			counts <- [2]uint64{uint64(key), n}
		}()
	}
	go func() {
		defer close(lines)
		for line := sub.hear(); line != ""; line = sub.hear() {
			lines <- line
		}
	}()
	accepted, total := map[uint64]uint64{}, 0
	for len(accepted) < sources || len(b.events) < total {
		select {
		case n := <-counts:
			accepted[n[0]] = n[1]
			total += int(n[1])
		case line := <-lines:
			b.hear(line)
		case <-time.After(patience):
			require.Failf(t, "events are missing", "%d of %d, counts %v", len(b.events), total, accepted)
		}
	}
	sub.kill()
	for line := range lines {
		b.hear(line)
	}
	assert.Equal(t, accepted, b.next, "all that was accepted, and no more")
	assert.Len(t, b.events, total)
	s, err := c.b.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, uint64(total), s.Lanes[2].Published)
	assert.Zero(t, s.Lanes[2].Lost)
	assert.Zero(t, s.Lanes[2].Evictions)
	t.Logf("%d events, %d kills, %d came again", total, kills, b.again)
}
