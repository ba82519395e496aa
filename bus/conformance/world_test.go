package conformance_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// patience is how long a behaviour waits for what must happen. It is no bound on
// how long that may take: the machine may be busy.
const (
	patience = time.Minute
	often    = time.Millisecond
)

// world is where one behaviour is shown: whoever joins it gets a role on a bus.
type world struct {
	t      *testing.T
	o      setup
	enter  func(p *player) error
	leave  func()
	all    []*player
	shared bool
}

// join starts a role.
func (w *world) join() *player {
	w.t.Helper()
	p := &player{w: w, waiting: map[int]*pending{}, gone: make(chan struct{})}
	require.NoError(w.t, w.enter(p))
	w.all = append(w.all, p)
	go p.listen()
	var h hello
	p.ask("hello", nil, &h)
	p.id = h.ID
	return p
}

// close ends all roles, and then the world.
func (w *world) close() {
	for _, p := range w.all {
		p.stop()
	}
	w.leave()
}

// openLocal makes a world of goroutines on one bus.
func openLocal(t *testing.T, o setup) *world {
	b, err := bus.OpenLocal(o.options())
	require.NoError(t, err)
	var roles sync.WaitGroup
	w := &world{t: t, o: o}
	w.enter = func(p *player) error {
		in, orders := io.Pipe()
		reports, out := io.Pipe()
		roles.Go(func() {
			play(b, in, out)
			_ = out.Close()
		})
		p.orders, p.reports = orders, reports
		return nil
	}
	w.leave = func() {
		roles.Wait()
		assert.NoError(t, b.Close())
	}
	return w
}

// player is the test's end of a role.
type player struct {
	w       *world
	id      int // of its bus
	orders  io.WriteCloser
	reports io.Reader
	process process

	mu      sync.Mutex
	last    int
	waiting map[int]*pending
	gone    chan struct{} // closed when the role has ended
}

// process is what can be done to a role that is a process.
type process interface {
	kill()
	freeze()
	thaw()
	wait()
}

// listen hands reports to who waits for them.
func (p *player) listen() {
	defer close(p.gone)
	lines := bufio.NewScanner(p.reports)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			p.w.t.Errorf("a role says %q: %v", lines.Text(), err)
			return
		}
		p.mu.Lock()
		x := p.waiting[r.ID]
		if r.More {
			x.said = append(x.said, r)
		} else {
			delete(p.waiting, r.ID)
			x.done <- r
		}
		p.mu.Unlock()
	}
}

// pending is an order that has been given.
type pending struct {
	p    *player
	do   string
	done chan report
	said []report // before it was done; under p.mu
}

// events is what a stream has told so far.
func (x *pending) events() (all []stamped) {
	x.p.w.t.Helper()
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	for _, r := range x.said {
		var e stamped
		require.NoError(x.p.w.t, json.Unmarshal(r.Result, &e))
		all = append(all, e)
	}
	return all
}

// start gives an order without waiting for what comes of it.
func (p *player) start(do string, with any) *pending {
	p.w.t.Helper()
	raw, err := json.Marshal(with)
	require.NoError(p.w.t, err)
	p.mu.Lock()
	p.last++
	o := order{ID: p.last, Do: do, With: raw}
	x := &pending{p: p, do: do, done: make(chan report, 1)}
	p.waiting[o.ID] = x
	p.mu.Unlock()
	line, err := json.Marshal(o)
	require.NoError(p.w.t, err)
	_, err = p.orders.Write(append(line, '\n'))
	require.NoError(p.w.t, err, "give an order to a role")
	return x
}

// wait returns what came of an order, with its result in into.
func (x *pending) wait(into any) *failure {
	t := x.p.w.t
	t.Helper()
	var r report
	select {
	case r = <-x.done:
	case <-x.p.gone:
		select {
		case r = <-x.done:
		default:
			require.Failf(t, "a role has gone", "before it could %s", x.do)
		}
	case <-time.After(patience):
		require.Failf(t, "a role does not answer", "to %s", x.do)
	}
	if into != nil && r.Failed == nil {
		require.NoError(t, json.Unmarshal(r.Result, into))
	}
	return r.Failed
}

// done tells whether something has come of the order.
func (x *pending) over() bool { return len(x.done) > 0 }

// try gives an order and returns what came of it.
func (p *player) try(do string, with, into any) *failure {
	p.w.t.Helper()
	return p.start(do, with).wait(into)
}

// ask gives an order that must succeed.
func (p *player) ask(do string, with, into any) {
	p.w.t.Helper()
	f := p.try(do, with, into)
	require.Nil(p.w.t, f, "%s: %v", do, f)
}

// stop ends the role, if it has not ended.
func (p *player) stop() {
	_ = p.orders.Close()
	if p.process != nil {
		p.process.wait()
	}
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.w.t.Error("a role does not end")
	}
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	require.Eventually(w.t, holds, patience, often, what)
}

// snapshot is what a role sees of the region.
func (p *player) snapshot() (s bus.Snapshot) {
	p.w.t.Helper()
	p.ask("snapshot", nil, &s)
	return s
}

// rows are the rows of a subscription in a snapshot.
func (p *player) rows(name string) (rows []bus.SubscriberInfo) {
	p.w.t.Helper()
	for _, r := range p.snapshot().Subscribers {
		if r.Name == name {
			rows = append(rows, r)
		}
	}
	return rows
}

// row is that of a subscription on the first lane of a priority.
func (p *player) row(name, lane string) bus.SubscriberInfo {
	p.w.t.Helper()
	for _, r := range p.rows(name) {
		if r.Lane == lane {
			return r
		}
	}
	require.Failf(p.w.t, "no such subscription", "%s on %s", name, lane)
	return bus.SubscriberInfo{}
}

// asleep waits until a subscription waits for events.
func (p *player) asleep(name string) {
	p.w.t.Helper()
	p.w.eventually(fmt.Sprintf("subscription %s sleeps", name), func() bool {
		rows := p.rows(name)
		return len(rows) > 0 && rows[0].Waiting
	})
}
