package torture

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// announce says what is about to happen, so that it can be done again.
func (s *supervisor) announce() {
	fmt.Fprintf(s.out, "seed %d, %v: %s\n%d processes: %d publishers, %d subscribers, %d durable subscriptions, a group of %d, %d handlers\n",
		s.seed, s.duration, s.command(), taken, producers, subscribers, durables, members, handlers)
}

// command is what runs the same plan again.
func (s *supervisor) command() string {
	if s.again != "" {
		return s.again
	}
	return fmt.Sprintf("make torture DURATION=%v SEED=%d", s.duration, s.seed)
}

// verdict prints what happened, and keeps the ledgers if there was a violation.
func (s *supervisor) verdict() error {
	s.report()
	s.mu.Lock()
	failed := s.failed
	s.mu.Unlock()
	if len(failed) == 0 && s.ctx.Err() != nil {
		failed = append(failed, fmt.Errorf("ended before the plan did: %w", s.ctx.Err()))
	}
	if len(failed) > 0 {
		s.printTrails()
	}
	errs := []error{s.said.Close(), s.bus.Close(), s.book.close()}
	if len(failed) == 0 {
		return errors.Join(append(errs, os.RemoveAll(s.dir))...)
	}
	return fmt.Errorf("VIOLATION after %v, in a run of seed %d: %w\nthe same plan again: %s\nbook, region and what processes said are kept in %s",
		time.Since(s.began).Round(time.Millisecond), s.seed, errors.Join(failed...), s.command(), s.dir)
}

// report prints the figures.
func (s *supervisor) report() {
	sum := func(what int) (n uint64) {
		for i := range s.book.places {
			n += s.book.places[i].w[what].Load()
		}
		return n
	}
	longest := func(what int) (n time.Duration) {
		for i := range s.book.places {
			n = max(n, time.Duration(s.book.places[i].w[what].Load()))
		}
		return n
	}
	lives := uint64(0)
	for i := range taken {
		lives += s.book.places[i].w[placeLife].Load()
	}
	row := func(name, format string, args ...any) {
		fmt.Fprintf(s.out, "  %-28s"+format+"\n", append([]any{name}, args...)...)
	}
	took := time.Since(s.began)
	fmt.Fprintf(s.out, "\n")
	row("ran for", "%v, plan %016x", took.Round(time.Millisecond), s.plan.sum.Sum64())
	row("killed", "%d of %d processes, %.1f a second", s.kills.Load(), lives, float64(s.kills.Load())/took.Seconds())
	row("frozen", "%d times, %d of them for %v or more", s.freezes.Load(), s.long.Load(), evictAfter)
	row("left in order", "%d", s.leaves.Load())
	row("audits of the whole", "%d", s.quiets)
	row("events published", "%d", sum(placePublished))
	row("events received", "%d", sum(placeReceived))
	row("came again after a death", "%d", sum(placeAgain))
	row("lost to the lossy lane", "%d, all told", sum(placeLost))
	row("lost by eviction", "%d, all told", sum(placeEvicted))
	row("told to the dead alone", "%d", sum(placeUntold))
	row("too long ago to be compared", "%d lives", sum(placeUnchecked))
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	row("longest publish", "%v of a survivor; its lane stood still for %v of it at most, and may for %v",
		longest(placeLongPublish).Round(time.Microsecond), s.watch.still.Round(time.Microsecond), stillFor)
	row("longest receive", "%v of an event that was there", longest(placeLongReceive).Round(time.Microsecond))
	row("longest sleep over events", "%v, without its wait for a processor; Heal and an allowance are %v", s.watch.late.Round(time.Microsecond), sleepFor)
}

// printTrails writes what each place did last, for whoever looks for the cause.
func (s *supervisor) printTrails() {
	f, err := os.Create(filepath.Join(s.dir, "trails"))
	if err != nil {
		return
	}
	defer f.Close()
	for i := range taken {
		p := &s.book.places[i]
		n := p.w[placeTrail].Load()
		fmt.Fprintf(f, "place %d, life %d, found dead at %d\n", i, p.w[placeLife].Load(), p.w[placeDied].Load())
		for k := n - min(n, trail); k < n; k++ {
			e := p.w[64+history+4*int(k%trail):]
			what, at := e[1].Load(), lanes[min(int(e[1].Load()>>16&0xffff), len(lanes)-1)]
			switch st := stamp(e[3].Load()); what >> 32 {
			case opPublish:
				fmt.Fprintf(f, "  %d publishes %d on %v from %v\n", e[0].Load(), e[2].Load(), at, st)
			case opReceive:
				fmt.Fprintf(f, "  %d gets %d of %v: %v of place %d\n", e[0].Load(), e[2].Load(), at, st, what&0xffff)
			default:
				fmt.Fprintf(f, "  %d is told of %d missed on %v, goes on at %d\n", e[0].Load(), uint64(st), at, e[2].Load())
			}
		}
	}
}
