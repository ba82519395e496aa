package torture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// watch looks for survivors that stand still longer than any option allows.
//
// A lane on which somebody waits for room stands still until whoever holds it back
// has been evicted: EvictAfter, or longer while a durable subscription that has
// stated so is away. A receive that finds nothing sleeps for Heal at a time. To
// both comes an allowance. What does not count is the time that the process spent
// runnable without a processor, and any that it spent waiting for a disk, where the
// region lies on one: a store to a page that is being written back waits for that.
// What is judged is the bus, not the machine. A lane
// that moves is no matter of the dead or frozen; but who gets no turn on it for a
// minute is one, too.
type watch struct {
	mu      sync.Mutex
	resting bool
	ops     [places]opWatch
	idle    map[string]idleWatch // by subscription and lane
	still   time.Duration        // that a lane stood still, with somebody waiting for room
	late    time.Duration        // that anybody slept though there were events
}

// excused is what of a time does not count because threads of the process had no
// processor. Their delays are added up, though several may wait at the same time; so it
// is never all of it, and who is stuck is found however busy the machine is.
func excused(of, delay time.Duration) time.Duration { return min(max(delay, 0), of/4*3) }

const (
	allowance = 2 * time.Second
	stillFor  = evictAfter + allowance
	sleepFor  = heal + allowance
)

type opWatch struct {
	since  uint64
	begin  time.Duration // run delay when it was first seen
	tail   uint64        // of its lane
	moved  time.Time     // the lane did
	waited time.Duration // run delay then
	twice  bool          // too long already when it was looked at last
}

type idleWatch struct {
	cursor uint64
	first  time.Time // it was seen
	since  time.Time // it waits for nothing but the bus
	op     uint64
	waited time.Duration
}

// late is for how long it has slept over events, as far as that is the bus's doing, and
// whether that can be told: not while one of its threads runs or waits for a processor,
// but for what has taken longer than any patience, whatever it may wait for.
func (w *idleWatch) late(at threads, now time.Time) (d time.Duration, told bool) {
	if w.waited < 0 || at.blocked {
		w.since, w.waited = now, at.delay
	}
	if d = now.Sub(w.first); d > patience {
		return d, true
	}
	d = now.Sub(w.since)
	return d - excused(d, at.delay-w.waited), !at.queued
}

func (w *watch) rest(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resting = on
	w.idle, w.ops = nil, [places]opWatch{}
}

// watching looks until done is closed.
func (s *supervisor) watching(done <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
		}
		s.look()
		s.watch.mu.Lock()
		s.watchPublishers()
		if n%4 == 0 && !s.watch.resting {
			s.watchIdle()
		}
		s.watch.mu.Unlock()
	}
}

// look ends the run when a process has reported a violation.
func (s *supervisor) look() {
	b, err := os.ReadFile(filepath.Join(s.dir, violationsName))
	if err != nil || len(b) == 0 {
		return
	}
	s.mu.Lock()
	known := len(s.failed) > 0
	s.mu.Unlock()
	if !known {
		s.fail(fmt.Errorf("%s", strings.TrimSpace(string(b))))
	}
}

// watchPublishers looks for publishers that have been at one call for long.
func (s *supervisor) watchPublishers() {
	var snap *bus.Snapshot
	for i := range s.seats[:producers] {
		p, w := &s.book.places[i], &s.watch.ops[i]
		op, lane := p.w[placeOp].Load(), int(p.w[placeKind].Load()>>8)
		if op == 0 || p.w[placeFreezes].Load()%2 == 1 || bus.Now()-int64(op) < int64(evictAfter) {
			w.since = 0
			continue
		}
		if snap == nil {
			now, err := s.bus.Snapshot()
			if err != nil {
				return
			}
			snap = &now
		}
		pid := int(s.seats[i].pid.Load())
		at := threadsOf(pid)
		if !at.live {
			w.since = 0 // killed just now: what it was at is at an end
			continue
		}
		tail := snap.Lanes[lane].Tail
		if w.since != op {
			*w = opWatch{since: op, begin: at.delay, tail: tail, moved: time.Now(), waited: at.delay}
		}
		if w.tail != tail || at.blocked || awaited(snap, lane) {
			w.tail, w.moved, w.waited = tail, time.Now(), at.delay
		}
		// A thread that ends takes its delay along.
		still := time.Since(w.moved)
		still -= excused(still, at.delay-w.waited)
		if at.queued && time.Since(w.moved) < patience {
			continue // the next look will tell
		}
		s.watch.still = max(s.watch.still, still)
		age := time.Duration(bus.Now() - int64(op))
		age -= excused(age, at.delay-w.begin)
		if still <= stillFor && age <= patience {
			w.twice = false
			continue
		}
		if !w.twice {
			w.twice = true // it may be dying
			continue
		}
		switch {
		case still > stillFor:
			s.stack(pid)
			s.fail(fmt.Errorf("place %d, process %d, waits to publish on lane %v, which has stood still for %v; EvictAfter is %v",
				i, pid, lanes[lane], still, evictAfter))
		default:
			s.stack(pid)
			s.fail(fmt.Errorf("place %d, process %d, has been publishing on lane %v for %v, while others had their turns", i, pid, lanes[lane], age))
		}
	}
}

// awaited tells whether somebody is away whom publishers of a lane wait for.
func awaited(snap *bus.Snapshot, lane int) bool {
	return slices.ContainsFunc(snap.Subscribers, func(r bus.SubscriberInfo) bool {
		return r.Lane == lanes[lane].Priority.String() && r.Shard == lanes[lane].Shard && r.Gated && r.Hold != nil &&
			r.Hold.Away > 0 && (r.Hold.Policy == bus.HoldBlock.String() || r.Hold.For > 0)
	})
}

// watchIdle looks for subscriptions that wait for events while there are some.
func (s *supervisor) watchIdle() {
	snap, err := s.bus.Snapshot()
	if err != nil {
		return
	}
	seen := map[string]idleWatch{}
	for _, row := range snap.Subscribers {
		i := s.placeOf(row.PID)
		if i < 0 || row.Depth == 0 || !row.Alive {
			continue
		}
		p := &s.book.places[i]
		op := p.w[placeOp].Load()
		if op == 0 || p.w[placeKind].Load()&0xff != opReceive || p.w[placeFreezes].Load()%2 == 1 {
			continue
		}
		key := fmt.Sprint(row.ID, row.Lane, row.Shard, row.PID)
		w, ok := s.watch.idle[key]
		if !ok || w.cursor != row.Cursor || w.op != op {
			seen[key] = idleWatch{cursor: row.Cursor, first: time.Now(), since: time.Now(), op: op, waited: -1}
			continue
		}
		at := threadsOf(row.PID)
		if !at.live {
			continue
		}
		late, told := w.late(at, time.Now())
		seen[key] = w
		if !told {
			continue // the next look will tell
		}
		if s.watch.late = max(s.watch.late, late); late > sleepFor {
			s.stack(row.PID)
			s.fail(fmt.Errorf("place %d, process %d, has been sleeping for %v with %d events before it on lane %s/%d; Heal is %v",
				i, row.PID, late, row.Depth, row.Lane, row.Shard, heal))
		}
	}
	s.watch.idle = seen
}

// stack lets a process say where it is, and ends it.
func (s *supervisor) stack(pid int) {
	if snap, err := s.bus.Snapshot(); err == nil {
		b, _ := json.Marshal(snap)
		_ = os.WriteFile(filepath.Join(s.dir, "snapshot.json"), b, 0o600)
	}
	_ = os.WriteFile(filepath.Join(s.dir, "threads"), []byte(atKernel(pid)), 0o600)
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Signal(stackSignal)
	}
	time.Sleep(3 * time.Second)
}

// atKernel tells where in the kernel each thread of a process is.
func atKernel(pid int) string {
	var text strings.Builder
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, name := range files {
		stat, _ := os.ReadFile(name)
		where, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "wchan"))
		fmt.Fprintf(&text, "%s\t%s\n", where, bytes.TrimSpace(stat))
	}
	return text.String()
}

// placeOf is the place of a process, -1 if it has none.
func (s *supervisor) placeOf(pid int) int {
	return slices.IndexFunc(s.seats, func(seat *seat) bool { return int(seat.pid.Load()) == pid })
}

// threads is what the threads of a process are at. Of a process that has ended,
// also while it was being asked, there is nothing to tell: it is not live.
type threads struct {
	live    bool
	delay   time.Duration // for which they were runnable and had no processor
	queued  bool          // one runs, or waits for a processor, which is not in delay yet
	blocked bool          // one cannot be interrupted: it mostly waits for a disk
}

func threadsOf(pid int) (all threads) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	names, err := os.ReadDir(dir)
	if err != nil {
		return threads{}
	}
	for _, t := range names {
		b, err := os.ReadFile(filepath.Join(dir, t.Name(), "schedstat"))
		if err != nil {
			continue // it has ended
		}
		all.live = true
		if f := strings.Fields(string(b)); len(f) > 1 {
			ns, _ := strconv.ParseInt(f[1], 10, 64)
			all.delay += time.Duration(ns)
		}
		b, _ = os.ReadFile(filepath.Join(dir, t.Name(), "stat"))
		_, state, _ := strings.Cut(string(b), ") ")
		switch {
		case strings.HasPrefix(state, "R"):
			all.queued = true
		case strings.HasPrefix(state, "D"):
			all.blocked = true
		case strings.HasPrefix(state, "Z"), strings.HasPrefix(state, "X"):
			return threads{}
		}
	}
	return all
}
