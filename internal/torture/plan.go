package torture

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// What a step does to the process at a place.
const (
	doStart  = "start"
	doKill   = "kill"
	doFreeze = "freeze"
	doLeave  = "leave"
	doQuiet  = "quiet" // to all: everything is published and received, and audited
)

// step is one step of a plan. At is when it is due, in time of the plan: from the
// begin on, quiet points not counted.
type step struct {
	At    time.Duration `json:"at"`
	Do    string        `json:"do"`
	Place int           `json:"place"`
	For   time.Duration `json:"for,omitempty"`  // it is frozen
	Kill  bool          `json:"kill,omitempty"` // at the end of it
	Next  *spec         `json:"next,omitempty"` // who takes the place then
}

// The places of each role, one behind the other.
const (
	subscribers  = 8
	members      = 4
	handlers     = 3
	firstSub     = producers
	firstDurable = firstSub + subscribers
	firstMember  = firstDurable + durables
	firstHandler = firstMember + members
	taken        = firstHandler + handlers // places that are
)

// plan is what happens in a run. It follows from its seed and duration alone,
// whatever becomes of the processes.
type plan struct {
	random   *rand.Rand
	duration time.Duration
	soaking  bool // steady, with a restart now and then
	now      time.Duration
	quiet    time.Duration // when the next quiet point is due
	frozen   [places]time.Duration
	lives    [places]uint64
	begun    int
	sum      interface {
		io.Writer
		Sum64() uint64
	}
}

const (
	pace       = 29 * time.Millisecond // mean time between two steps
	quietEvery = 10 * time.Second
)

func newPlan(seed uint64, duration time.Duration) *plan {
	return &plan{random: rand.New(rand.NewPCG(seed, 0x746f7274757265)), duration: duration, quiet: quietEvery, sum: fnv.New64a()}
}

// next returns the next step, and false at the end.
func (p *plan) next() (s step, ok bool) {
	defer func() {
		if ok {
			b, _ := json.Marshal(s)
			_, _ = p.sum.Write(b)
		}
	}()
	if p.begun < taken {
		p.begun++
		return step{Do: doStart, Place: p.begun - 1, Next: p.spec(p.begun - 1)}, true
	}
	between, quiet := pace, quietEvery
	if p.soaking {
		between, quiet = soakPace, soakQuiet
	}
	p.now += time.Duration(p.random.Int64N(int64(2 * between)))
	if p.now >= p.duration {
		return step{}, false
	}
	if p.now >= p.quiet {
		p.quiet += quiet
		return step{At: p.now, Do: doQuiet}, true
	}
	if p.soaking {
		return p.restart(), true
	}
	place := p.random.IntN(taken)
	for p.frozen[place] > p.now {
		place = p.random.IntN(taken)
	}
	s = step{At: p.now, Place: place}
	switch n := p.random.IntN(100); {
	case n < 76:
		s.Do, s.Next = doKill, p.spec(place)
	case n < 94:
		s.Do, s.For = doFreeze, p.freeze()
		p.frozen[place] = p.now + s.For
		if s.Kill = p.random.IntN(10) == 0; s.Kill {
			s.Next = p.spec(place)
		}
	default:
		s.Do, s.Next = doLeave, p.spec(place)
	}
	return s, true
}

// freeze is for how long: mostly short, often longer than it takes to be evicted,
// now and then longer than everything but what a durable subscription may hold.
func (p *plan) freeze() time.Duration {
	ms := func(from, to int) time.Duration {
		return time.Duration(from+p.random.IntN(to-from)) * time.Millisecond
	}
	switch n := p.random.IntN(20); {
	case n < 12:
		return ms(1, 20)
	case n < 19:
		return ms(150, 500)
	default:
		return ms(600, 2000)
	}
}

// restart ends the process of one of the places that do not stay, one way or
// another.
func (p *plan) restart() step {
	s := step{At: p.now, Do: doLeave}
	for s.Place = p.random.IntN(taken); stays(s.Place); s.Place = p.random.IntN(taken) {
	}
	if p.random.IntN(2) == 0 {
		s.Do = doKill
	}
	s.Next = p.spec(s.Place)
	return s
}

// spec is a new process for a place.
func (p *plan) spec(place int) *spec {
	s := p.anySpec(place)
	if p.soaking {
		s.Slow, s.Sit, s.Calm = 0, false, true
		if s.Role == "publish" {
			s.Pace = "steady"
		}
	}
	return s
}

func (p *plan) anySpec(place int) *spec {
	p.lives[place]++
	s := &spec{Place: place, Life: p.lives[place], Seed: p.random.Uint64()}
	pick := func(of ...string) string { return of[p.random.IntN(len(of))] }
	s.Wait = []bus.Wait{bus.WaitAuto, bus.WaitPark}[p.random.IntN(2)]
	switch {
	case place < firstSub:
		s.Role, s.Pace = "publish", pick("flood", "bursts", "bursts", "bursts", "bursts", "slow")
		if s.Exclusive = p.random.IntN(3) == 0; place == 0 {
			s.Pace = "slow"
		}
		switch p.random.IntN(3) {
		case 0:
			s.Batch = 2 + p.random.IntN(7)
		case 1:
			s.Loan = true
		}
		return s
	case place < firstDurable:
		s.Role, s.Mode = "subscribe", pick("view", "batch", "copy", "take")
		if p.random.IntN(4) == 0 {
			s.Key = 1 + p.random.IntN(keys)
		}
		s.Sit = p.random.IntN(3) == 0
		if p.random.IntN(4) == 0 {
			s.Slow = time.Duration(1+p.random.IntN(4)) * time.Millisecond
		}
	case place < firstMember:
		s.Role, s.Mode, s.Durable = "subscribe", "view", 1+place-firstDurable
		s.Slow = p.busy()
		if s.Durable-1 == durableCopies {
			s.Mode = "copy"
		}
	case place < firstHandler:
		s.Role, s.Mode, s.Group = "subscribe", "view", true
		s.Slow = p.busy()
	default:
		s.Role, s.Slow = "handle", p.busy()
	}
	return s
}

// busy is how long a process may be at work on an event, so that it is killed over
// one now and then.
func (p *plan) busy() time.Duration { return time.Duration(p.random.IntN(2)) * time.Millisecond }

// print writes the whole plan, one step a line.
func (p *plan) print(w io.Writer) error {
	e := json.NewEncoder(w)
	for {
		s, ok := p.next()
		if !ok {
			return nil
		}
		if err := e.Encode(s); err != nil {
			return fmt.Errorf("print the plan: %w", err)
		}
	}
}
