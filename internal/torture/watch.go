package torture

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// watch looks for survivors that stand still longer than any option allows.
//
// A publish on a reliable lane may wait until whoever holds the lane back has been
// evicted, one after the other if it has bad luck: that is the policy. A receive
// that finds nothing sleeps for Heal at a time. To both comes an allowance, and
// all the time that the process spent runnable without a processor does not count:
// what is judged is the bus, not the machine.
type watch struct {
	mu      sync.Mutex
	resting bool
	ops     [places]opWatch
	idle    map[string]idleWatch // by subscription and lane
	longest time.Duration        // that was judged, of a publish that had not ended
	late    time.Duration        // that anybody slept though there were events
}

const (
	allowance  = 2 * time.Second
	publishFor = (subscribers+durables+members+handlers)*evictAfter + allowance
	sleepFor   = heal + allowance
)

type opWatch struct {
	since  uint64
	waited time.Duration // run delay when it was first seen
}

type idleWatch struct {
	cursor uint64
	since  time.Time
	op     uint64
	waited time.Duration
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
		for i := range s.seats {
			s.watchPublish(i)
		}
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

func (s *supervisor) watchPublish(i int) {
	p, w := &s.book.places[i], &s.watch.ops[i]
	op := p.w[placeOp].Load()
	if op == 0 || p.w[placeKind].Load() != opPublish || p.w[placeFreezes].Load()%2 == 1 {
		w.since = 0
		return
	}
	age := time.Duration(bus.Now() - int64(op))
	if age < evictAfter {
		return
	}
	pid := int(s.seats[i].pid.Load())
	if w.since != op {
		*w = opWatch{op, runDelay(pid)}
		return
	}
	age -= runDelay(pid) - w.waited
	s.watch.longest = max(s.watch.longest, age)
	if age > publishFor {
		s.stack(pid)
		s.fail(fmt.Errorf("place %d, process %d, has been publishing for %v; with every subscription evicted one after the other it may take %v", i, pid, age, publishFor))
	}
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
		if op == 0 || p.w[placeKind].Load() != opReceive || p.w[placeFreezes].Load()%2 == 1 {
			continue
		}
		key := fmt.Sprint(row.ID, row.Lane, row.Shard, row.PID)
		w, ok := s.watch.idle[key]
		if !ok || w.cursor != row.Cursor || w.op != op {
			w = idleWatch{row.Cursor, time.Now(), op, runDelay(row.PID)}
		}
		seen[key] = w
		late := time.Since(w.since) - (runDelay(row.PID) - w.waited)
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
	_ = syscall.Kill(pid, syscall.SIGQUIT)
	time.Sleep(3 * time.Second)
}

// placeOf is the place of a process, -1 if it has none.
func (s *supervisor) placeOf(pid int) int {
	return slices.IndexFunc(s.seats, func(seat *seat) bool { return int(seat.pid.Load()) == pid })
}

// runDelay is for how long the threads of a process were runnable, and had no
// processor.
func runDelay(pid int) (d time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if f := strings.Fields(string(b)); len(f) > 1 {
			ns, _ := strconv.ParseInt(f[1], 10, 64)
			d += time.Duration(ns)
		}
	}
	return d
}
