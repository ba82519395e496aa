package ring_test

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// holderIndex is the cursor of the reader that holds its window; nobody else is
// ever evicted.
const holderIndex = 3

// produce publishes the events of producer i, now and then from another port.
func (s *stress) produce(i uint32) {
	var log []seen
	seq := uint64(0)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.account.accepted[i] = seq
		s.account.published = append(s.account.published, log...)
	}()
	for seq < s.events && !s.stop.Load() {
		port, err := s.lane.ClaimPort(uint64(i + 1))
		if err != nil {
			s.fail(err)
			return
		}
		p, err := s.lane.NewProducer(port, nil)
		if err != nil {
			s.fail(err)
			return
		}
		for range 200 {
			if seq == s.events || s.stop.Load() {
				break
			}
			n, last, err := s.publish(p, i, seq, int(min(uint64(s.batch), s.events-seq)))
			if seq += uint64(n); n > 0 {
				log = append(log, seen{last, event{i, seq - 1}})
			}
			if err != nil {
				s.fail(fmt.Errorf("producer %d at event %d: %w", i, seq, err))
				return
			}
			if seq%16 == 0 {
				runtime.Gosched()
			}
		}
		s.lane.ReleasePort(port)
	}
}

// publish publishes n events, waiting while the lane is full, and tells the
// position of the last.
func (s *stress) publish(p *ring.Producer, i uint32, seq uint64, n int) (done int, last uint64, err error) {
	cells := make([]int, n)
	for k := range cells {
		c, slot, err := p.Reserve()
		if err != nil {
			return 0, 0, err
		}
		cells[k] = c
		event{i, seq + uint64(k)}.fill(slot)
	}
	for tries := 0; done < n && !s.stop.Load(); tries++ {
		var m int
		pos := uint64(0)
		if n == 1 {
			if pos, err = p.Publish(cells[0]); err == nil {
				m = 1
			}
		} else {
			m, pos, err = p.PublishBatch(cells[done:])
		}
		if m > 0 {
			done, last = done+m, pos
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, ring.ErrFull) || !s.lane.Geometry().Reliable {
			return done, last, err
		}
		if ticket, full := s.lane.PrepareRoom(); full && tries%2 == 0 {
			_ = s.lane.AwaitRoom(ticket, shm.Now()+int64(20*time.Millisecond))
		} else {
			runtime.Gosched()
		}
	}
	return done, last, nil
}

// evict takes the gate from reader i whenever it holds the producers back.
func (s *stress) evict(i int) {
	for !s.done.Load() && !s.stop.Load() {
		for _, g := range s.lane.Gates(nil) {
			if g.Reader == i {
				s.lane.Evict(i, g)
			}
		}
		runtime.Gosched()
	}
}
