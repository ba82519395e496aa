package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// run is one run of the whole.
type run struct {
	options
	dir       string
	out       io.Writer
	bus       *bus.Bus
	pub       *bus.Publisher[job]
	ledger    *ledger
	published chan error

	members []*process
	killed  map[int]bool
}

func newRun(o options, dir string, out io.Writer) (_ *run, err error) {
	r := &run{options: o, dir: dir, out: out, killed: map[int]bool{}, published: make(chan error, 1)}
	lane := bus.LaneGeometry{Capacity: 64, SlotSize: 64, Pins: 16}
	work := bus.LaneGeometry{
		Shards: o.shards, Capacity: 512, SlotSize: 64, Pins: 32,
		EvictAfter: -1, // publishers wait, however long a member is stopped
	}
	r.bus, err = bus.Open(regionName, &bus.Options{
		Dir: dir, Process: "publisher", RecoverEvery: 50 * time.Millisecond,
		Geometry: bus.Geometry{Subscribers: o.shards + o.members + o.rounds + 8, Critical: lane, High: lane, Normal: work, Low: lane},
	})
	if err != nil {
		return nil, err
	}
	if r.pub, err = bus.NewPublisher[job](r.bus, nil); err != nil {
		return nil, errors.Join(err, r.bus.Close())
	}
	if r.ledger, err = openLedger(filepath.Join(dir, "ledger")); err != nil {
		return nil, errors.Join(err, r.bus.Close())
	}
	return r, nil
}

func (r *run) close() error {
	for _, m := range r.members {
		m.kill()
	}
	return errors.Join(r.ledger.close(), r.bus.Close())
}

// run publishes all events while the members change, and checks the ledger.
func (r *run) run() error {
	fmt.Fprintf(r.out, "%d events of %d keys on %d lanes\n\n%10s  %-24s lanes of each process\n",
		r.keys*r.each, r.keys, r.shards, "handled", "what happens")
	for range r.options.members {
		if err := r.join(); err != nil {
			return err
		}
	}
	go func() { r.published <- r.publish() }()
	for round := range r.rounds {
		if err := r.await((round + 1) * r.keys * r.each / (r.rounds + 2)); err != nil {
			return err
		}
		if err := r.change(round); err != nil {
			return err
		}
	}
	if err := <-r.published; err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := r.drain(); err != nil {
		return err
	}
	for len(r.members) > 0 {
		if err := r.leave(); err != nil {
			return err
		}
	}
	return r.report()
}

// publish publishes the events of all keys in turn.
func (r *run) publish() error {
	for seq := range uint64(r.each) {
		for key := range uint64(r.keys) {
			if err := r.pub.PublishWith(context.Background(), &job{Seq: seq}, bus.With{Key: key}); err != nil {
				return err
			}
		}
	}
	return nil
}

// change does something to the members.
func (r *run) change(round int) error {
	switch round % 4 {
	case 0:
		r.kill()
		return r.join()
	case 1:
		if err := r.join(); err != nil {
			return err
		}
		return r.leave()
	case 2: // stopped, and on again when another has joined meanwhile
		m := r.members[0]
		if err := m.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		r.tell("%d is stopped", m.pid())
		if err := r.join(); err != nil {
			return err
		}
		if err := m.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		r.tell("%d goes on", m.pid())
	case 3:
		r.kill()
	}
	return nil
}

func (r *run) join() error {
	m, err := startMember(r.dir, r.ledger.file.Name())
	if err != nil {
		return err
	}
	r.members = append(r.members, m)
	r.tell("%d joins", m.pid())
	return nil
}

// leave lets the oldest member go.
func (r *run) leave() error {
	m := r.members[0]
	r.members = r.members[1:]
	if err := m.leave(); err != nil {
		return fmt.Errorf("member %d: %w", m.pid(), err)
	}
	r.tell("%d leaves", m.pid())
	return nil
}

// kill kills the oldest member.
func (r *run) kill() {
	m := r.members[0]
	r.members = r.members[1:]
	m.kill()
	r.killed[m.pid()] = true
	r.tell("%d is killed", m.pid())
}

const poll = time.Millisecond

// await waits until so many events are in the ledger.
func (r *run) await(n int) error {
	for {
		if have, err := r.ledger.entries(); err != nil || have >= n {
			return err
		}
		select {
		case err := <-r.published:
			r.published <- err
			if err != nil {
				return fmt.Errorf("publish: %w", err)
			}
		default:
		}
		time.Sleep(poll)
	}
}

// drain waits until the group has finished all events.
func (r *run) drain() error {
	for {
		s, err := r.bus.Snapshot()
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(s.Groups, func(g bus.GroupInfo) bool { return g.Name == groupName }); i < 0 || s.Groups[i].Depth == 0 {
			return nil
		}
		time.Sleep(poll)
	}
}

// tell prints what happens, and who has how many lanes then.
func (r *run) tell(format string, args ...any) {
	n, _ := r.ledger.entries()
	fmt.Fprintf(r.out, "%10d  %-24s %s\n", n, fmt.Sprintf(format, args...), r.shares())
}

func (r *run) shares() string {
	s, err := r.bus.Snapshot()
	if err != nil || len(s.Groups) == 0 {
		return ""
	}
	var all []string
	for _, m := range s.Groups[0].Members {
		all = append(all, fmt.Sprintf("%d:%d", m.PID, len(m.Lanes)))
	}
	slices.Sort(all)
	return strings.Join(all, "  ")
}

// report says what the ledger says.
func (r *run) report() error {
	res, err := r.ledger.check(r.keys, r.each, r.killed)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, `
%d events handled in all: each of %d at least once
%d keys: the order of each is exact
%d members killed; %d events came twice, of their unfinished work alone
`, res.entries, res.keys*res.each, res.keys, len(r.killed), res.twice)
	return r.bus.RemoveGroup(groupName)
}
