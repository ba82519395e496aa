package bus_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() { roles["taker"] = taker }

// taker takes events of a durable subscription and acks those it is told to.
func taker(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	sub, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Durable: "billing", Window: 8})
	must(err)
	say("ready")
	taken := map[string]bus.TypedDelivery[tick]{}
	for {
		switch order, args := s.next(); order {
		case "take":
			d, err := sub.Take(background())
			must(err)
			seq := strconv.FormatUint(d.Value().Seq, 10)
			taken[seq] = d
			say("%s", seq)
		case "ack":
			taken[args[0]].Ack()
			say("ok")
		}
	}
}

// A process is killed with deliveries out, again and again. All that it had not
// acked comes again, and with it what it had acked behind them; nothing else
// comes twice, and nothing is missed.
func TestTakerKilled(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	require.NoError(t, newSub[tick](t, c.b, billing).Close())
	pub := newPub[tick](t, c.b, nil)
	const lives = 6
	publishTicks(t, pub, 0, 5*lives)
	first := 0
	for range lives - 1 {
		p := start(t, "taker", c.o)
		require.Equal(t, "ready", p.hear())
		for seq := first; seq < first+8; seq++ {
			p.expect(strconv.Itoa(seq), "take")
		}
		for _, i := range []int{6, 2, 0, 1, 3, 7} { // 4 and 5 stay out
			p.expect("ok", "ack %d", first+i)
		}
		p.kill()
		first += 4
	}
	sub := newSub[tick](t, c.b, billing)
	requireTicks(t, sub, first, 5*lives)
	assert.Zero(t, sub.Stats().Missed)
}

// A frozen process keeps what it has out: nobody touches it, also when the lane
// has long gone on.
func TestTakerFrozen(t *testing.T) {
	c := newCrew(t, evicting())
	pub := newPub[tick](t, c.b, nil)
	p := start(t, "taker", c.o)
	require.Equal(t, "ready", p.hear())
	publishTicks(t, pub, 0, 4)
	for seq := range 4 {
		p.expect(strconv.Itoa(seq), "take")
	}
	p.freeze()
	for i := 4; i < 10*capacity; i++ {
		require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
	}
	info := row(t, c.b, "billing", bus.Normal)
	assert.True(t, info.Evicted)
	assert.Zero(t, info.Cursor)
	p.kill()
	sub := newSub[tick](t, c.b, billing)
	_, err := sub.TryReceive()
	require.ErrorIs(t, err, bus.ErrLag, "it had lost its hold, and with it what is overwritten")
}
