package bus_test

import (
	"errors"
	"os"
	"strconv"

	"github.com/rvoip/shmbus/bus"
)

func init() { roles["actor"] = actor }

// actor does on a bus what it is told.
func actor(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	pub, err := bus.NewPublisher[tick](b, nil)
	must(err)
	say("ready %d", b.ID())
	var sub *bus.Subscriber[tick]
	for {
		switch order, args := s.next(); order {
		case "subscribe": // [durable]
			o := bus.SubscribeOptions{Name: "actor", Window: 4, Wait: bus.WaitPark}
			if len(args) > 0 {
				o.Durable = args[0]
			}
			sub, err = bus.Subscribe[tick](b, &o)
			if errors.Is(err, bus.ErrInUse) {
				say("in use")
				continue
			}
			must(err)
			say("ok")
		case "receive": // until seq; answers every event
			receive(sub, number(args[0]))
		case "drain": // until seq; answers what it saw
			drain(sub, number(args[0]))
		case "hold": // receives one in place and keeps it
			must(sub.View(background(), func(v *tick, _ *bus.Event) error {
				say("%d", v.Seq)
				seq := v.Seq
				s.next()
				if v.Seq != seq {
					say("torn")
				}
				return nil
			}))
			say("ok")
		case "publish": // from to key
			for i := number(args[0]); i < number(args[1]); i++ {
				must(pub.PublishWith(background(), &tick{Seq: i}, bus.With{Key: number(args[2])}))
			}
			say("ok")
		case "flood": // key; until it is killed
			say("ok")
			for i := uint64(0); ; i++ {
				must(pub.PublishWith(background(), &tick{Seq: i}, bus.With{Key: number(args[0])}))
			}
		case "close":
			must(b.Close())
			say("ok")
			os.Exit(0)
		}
	}
}

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	must(err)
	return n
}

func receive(sub *bus.Subscriber[tick], last uint64) {
	for {
		m, err := sub.Receive(background())
		if lag, ok := errors.AsType[*bus.LagError](err); ok {
			say("lag %d %d %t", lag.Missed, lag.Resumed, lag.Evicted)
			continue
		}
		must(err)
		say("%d", m.Value.Seq)
		if m.Value.Seq == last {
			return
		}
	}
}

// drain receives ticks up to the last and answers how many it received and
// missed. They must be in order.
func drain(sub *bus.Subscriber[tick], last uint64) {
	received, missed, position := uint64(0), uint64(0), uint64(0)
	evicted := false
	for first := true; ; {
		m, err := sub.Receive(background())
		if lag, ok := errors.AsType[*bus.LagError](err); ok {
			missed += lag.Missed
			evicted = evicted || lag.Evicted
			position = lag.Resumed
			continue
		}
		must(err)
		if !first && m.Position != position {
			say("out of order: %d instead of %d", m.Position, position)
			return
		}
		first = false
		position = m.Position + 1
		received++
		if m.Value.Seq == last {
			say("received %d missed %d evicted %t", received, missed, evicted)
			return
		}
	}
}
