package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
)

// chaos is the conductor's side: who there is, and what happens to whom.
type chaos struct {
	crew   *fleet.Crew
	config crashConfig
	rng    *rand.Rand

	pubs, subs []*mortal // durable subscriptions are behind the others
	victims    []*mortal
	lives      []life

	kills, freezes int
	over           int64 // when publishers are to end
	published      int64 // when they had
}

// mortal is a process that may be killed and started again.
type mortal struct {
	kind   string
	config crashConfig
	proc   *fleet.Proc
	thaw   int64 // when it goes on, 0 if it is not frozen
}

func (m *mortal) member() *fleet.Member { return m.proc.Members[0] }

// life is one of a publisher.
type life struct{ killed bool }

// newChaos starts all processes, receivers first.
func newChaos(crew *fleet.Crew, c crashConfig) (*chaos, error) {
	x := &chaos{crew: crew, config: c, rng: rand.New(rand.NewPCG(c.Config.Seed, 0))}
	for i := range c.Config.Subs + c.Config.Durables {
		m := &mortal{kind: roleCrashReceive, config: c}
		m.config.Seat, m.config.Spared = i, i == 0
		if i >= c.Config.Subs {
			m.config.Durable = fmt.Sprintf("durable-%d", i-c.Config.Subs)
		}
		x.subs = append(x.subs, m)
	}
	for i := range c.Config.Pubs {
		m := &mortal{kind: roleCrashPublish, config: c}
		m.config.Spared = i == 0
		x.pubs = append(x.pubs, m)
	}
	for _, m := range append(append([]*mortal(nil), x.subs...), x.pubs...) {
		if !m.config.Spared {
			x.victims = append(x.victims, m)
		}
		if err := x.start(m); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// start begins a life and waits until the process has joined.
func (x *chaos) start(m *mortal) (err error) {
	if m.kind == roleCrashPublish {
		m.config.Publisher = len(x.lives)
		x.lives = append(x.lives, life{})
		if x.over != 0 {
			m.config.Duration = max(time.Millisecond, time.Duration(x.over-bus.Now()))
		}
	}
	if m.proc, err = x.crew.Start(mustSpec(m.kind, m.config)); err != nil {
		return err
	}
	return m.member().AwaitReady()
}

// strike kills and freezes until a time, one at least, and lets all go on in the
// end.
func (x *chaos) strike(ctx context.Context, until int64) error {
	x.over = until
	next := x.next()
	for now := bus.Now(); now < until || x.kills+x.freezes == 0; now = bus.Now() {
		if err := x.thaw(now); err != nil {
			return err
		}
		if now >= next {
			if err := x.hit(now); err != nil {
				return err
			}
			next = x.next()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(time.Millisecond, max(0, time.Duration(until-now)))):
		}
	}
	return x.thaw(math.MaxInt64)
}

// next is when the next one is hit: at random, with Every as the mean.
func (x *chaos) next() int64 {
	return bus.Now() + int64(x.rng.ExpFloat64()*float64(x.config.Config.Every))
}

// hit kills or freezes somebody; who is frozen may still be killed.
func (x *chaos) hit(now int64) error {
	m := x.victims[x.rng.IntN(len(x.victims))]
	kill := x.rng.IntN(2) == 0
	// From 1 ms to the longest, each tenfold as likely as the next.
	long := time.Duration(float64(time.Millisecond) * math.Pow(float64(x.config.Config.Freeze)/float64(time.Millisecond), x.rng.Float64()))
	switch {
	case kill && (m.kind != roleCrashPublish || len(x.lives) < maxLives):
		x.kills++
		m.proc.Kill()
		m.thaw = 0
		if m.kind == roleCrashPublish {
			x.lives[m.config.Publisher].killed = true
		} else if m.config.Durable == "" {
			m.config.Restarted = true
		}
		if err := x.start(m); err != nil {
			return err
		}
		return m.proc.Go()
	case !kill && m.thaw == 0:
		switch err := m.proc.Freeze(); {
		case errors.Is(err, os.ErrProcessDone): // a publisher whose time is over
		case err != nil:
			return err
		default:
			x.freezes++
			m.thaw = now + int64(long)
		}
	}
	return nil
}

// thaw lets those go on whose time has come.
func (x *chaos) thaw(now int64) error {
	for _, m := range x.victims {
		if m.thaw != 0 && m.thaw <= now {
			m.thaw = 0
			if err := m.proc.Thaw(); err != nil {
				return err
			}
		}
	}
	return nil
}

// end waits for the publishers, then for the receivers.
func (x *chaos) end(r *Result, p *pages) error {
	var total uint64
	for _, m := range x.pubs {
		var sent published
		if err := m.member().AwaitDone(&sent); err != nil {
			return err
		}
		x.published = max(x.published, sent.End)
		// It says what the books say, or somebody else wrote them.
		if sent.Events != p.accepted(m.config.Publisher) {
			r.Corrupt++
		}
	}
	for n := range x.lives {
		total += p.accepted(n)
	}
	x.crew.Drain(total)
	for i, m := range x.subs {
		var s stalls
		if err := m.member().AwaitDone(&s); err != nil {
			return err
		}
		if i == 0 {
			r.LongestStall, r.Gaps = s.Longest, s.Gaps
		}
	}
	return nil
}
