package conduct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rvoip/shmbus/bench/peers/go/peer"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

const (
	// joining is how long the roles may take to come together; draining how long
	// subscribers may go on after the publisher's time is over.
	joining  = 2 * time.Minute
	draining = time.Minute

	// shm is where Linux keeps named shared memory.
	shm = "/dev/shm"
)

// Run runs a workload over a peer. Its directory is made in dir.
func Run(ctx context.Context, p Peer, c proto.Config, dir string) (_ *Result, err error) {
	if p.Missing != "" {
		return nil, fmt.Errorf("%s is missing: %s", p.Name, p.Missing)
	}
	if err := check(p, c); err != nil {
		return nil, err
	}
	c.Peer = p.Name
	if c.Dir, err = os.MkdirTemp(dir, "shmbus-peers-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sweep(c.Dir)) }()

	r := &run{peer: p, config: c}
	reports, err := r.all(ctx)
	if err != nil {
		for _, q := range r.processes {
			q.kill()
		}
		return nil, fmt.Errorf("%s %s: %w", p.Name, c.Workload, err)
	}
	return sum(p, c, reports)
}

// sweep removes the directory of a run, and shared memory whose name begins with
// the directory's: a peer that was killed may have left it.
func sweep(dir string) error {
	errs := []error{os.RemoveAll(dir)}
	left, err := filepath.Glob(filepath.Join(shm, filepath.Base(dir)+"*"))
	errs = append(errs, err)
	for _, file := range left {
		errs = append(errs, os.RemoveAll(file))
	}
	return errors.Join(errs...)
}

func check(p Peer, c proto.Config) error {
	const (
		maxSize  = 1024
		maxBatch = 1024
		maxSubs  = 64
	)
	switch {
	case !p.Can(c.Workload):
		return fmt.Errorf("%s cannot %s; it has %v", p.Name, c.Workload, p.Workloads)
	case c.Size < 16 || c.Size > maxSize || c.Size%8 != 0:
		return fmt.Errorf("-size %d: want a multiple of 8 from 16 to %d", c.Size, maxSize)
	case c.Batch < 1 || c.Batch > maxBatch || c.Batch > c.Capacity:
		return fmt.Errorf("-batch %d: want 1 to %d, and not more than -capacity", c.Batch, maxBatch)
	case c.Subs < 1 || c.Subs > maxSubs:
		return fmt.Errorf("-subs %d: want 1 to %d", c.Subs, maxSubs)
	case c.Capacity < 2 || c.Capacity&(c.Capacity-1) != 0:
		return fmt.Errorf("-capacity %d: want a power of two", c.Capacity)
	case c.DurationNS <= 0:
		return fmt.Errorf("-duration %v: want a time above zero", c.DurationNS)
	}
	return nil
}

type run struct {
	peer      Peer
	config    proto.Config
	processes []*process
}

func (r *run) start(ctx context.Context, role string, index int, files []*os.File) (*process, error) {
	c := r.config
	c.Role, c.Index = role, index
	q, err := start(ctx, r.peer, c, peer.Seat(role, index), files)
	if q != nil {
		r.processes = append(r.processes, q)
	}
	return q, err
}

// all starts everybody, lets them work, and ends them.
func (r *run) all(ctx context.Context) ([]proto.Report, error) {
	var broker *process
	if r.peer.Broker {
		var err error
		if broker, err = r.start(ctx, proto.RoleBroker, 0, nil); err != nil {
			return nil, err
		}
		up, err := broker.await(ctx, time.After(joining))
		if err != nil {
			return nil, err
		}
		r.config.Broker = up.Info
		if err := begin(broker); err != nil {
			return nil, err
		}
	}
	roles, err := r.startRoles(ctx)
	if err != nil {
		return nil, err
	}
	late := time.After(joining)
	for _, q := range roles {
		if _, err := q.await(ctx, late); err != nil {
			return nil, err
		}
	}
	for _, q := range roles {
		if err := begin(q); err != nil {
			return nil, err
		}
	}
	var reports []proto.Report
	late = time.After(r.config.WarmNS + r.config.DurationNS + draining)
	for a := range r.finish(ctx, roles, late) {
		if a.err != nil {
			return nil, a.err
		}
		reports = append(reports, a.answer.Reports...)
	}
	for _, q := range roles {
		if err := q.dismiss(); err != nil {
			return nil, err
		}
	}
	if broker != nil {
		if err := broker.stdin.Close(); err != nil {
			return nil, err
		}
		a, err := broker.await(ctx, time.After(farewell))
		if err != nil {
			return nil, err
		}
		reports = append(reports, a.Reports...)
		return reports, broker.dismiss()
	}
	return reports, nil
}

func begin(q *process) error {
	if _, err := q.stdin.Write([]byte("go\n")); err != nil {
		return q.trouble(fmt.Errorf("begin: %w", err))
	}
	return nil
}

// startRoles starts a process for each role but the broker; subscribers come
// first.
func (r *run) startRoles(ctx context.Context) ([]*process, error) {
	var wiring peer.Wiring
	if r.peer.in != nil {
		var err error
		if wiring, err = r.peer.in.Wire(r.config); err != nil {
			return nil, err
		}
		defer wiring.Close()
	}
	type role struct {
		name  string
		index int
	}
	var cast []role
	switch {
	case r.peer.InProcess:
		cast = []role{{proto.RoleAll, 0}}
	case r.config.Workload == proto.Pingpong:
		cast = []role{{proto.RolePong, 0}, {proto.RolePing, 0}}
	default:
		for i := range r.config.Subs {
			cast = append(cast, role{proto.RoleSub, i})
		}
		cast = append(cast, role{proto.RolePub, 0})
	}
	var roles []*process
	for _, who := range cast {
		q, err := r.start(ctx, who.name, who.index, wiring[peer.Seat(who.name, who.index)])
		if err != nil {
			return nil, err
		}
		roles = append(roles, q)
	}
	return roles, nil
}

type finished struct {
	answer proto.Answer
	err    error
}

// finish returns the reports as they come, so that the first failure is known
// at once: the others may wait for the failed one for ever.
func (r *run) finish(ctx context.Context, roles []*process, late <-chan time.Time) <-chan finished {
	out := make(chan finished, len(roles))
	timeout, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-late:
			cancel(errLate)
		case <-timeout.Done():
		}
	}()
	left := make(chan struct{}, len(roles))
	for _, q := range roles {
		go func() {
			a, err := q.await(timeout, nil)
			if err != nil && timeout.Err() != nil {
				err = q.trouble(context.Cause(timeout))
			}
			out <- finished{a, err}
			left <- struct{}{}
		}()
	}
	go func() {
		for range roles {
			<-left
		}
		cancel(nil)
		close(out)
	}()
	return out
}
