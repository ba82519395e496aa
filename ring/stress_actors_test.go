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
func (s *stress) produce(i int) {
	var log []seen
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.account.published[i] = log
	}()
	for seq := uint64(0); seq < s.events && !s.stop.Load(); {
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
			n := min(uint64(s.batch), s.events-seq)
			got, err := s.publish(p, i, seq, int(n))
			if err != nil {
				s.fail(fmt.Errorf("producer %d at event %d: %w", i, seq, err))
				return
			}
			log = append(log, got...)
			seq += uint64(len(got))
			if seq%16 == 0 {
				runtime.Gosched()
			}
		}
		s.lane.ReleasePort(port)
	}
}

// publish publishes n events, waiting while the lane is full.
func (s *stress) publish(p *ring.Producer, i int, seq uint64, n int) (log []seen, err error) {
	cells := make([]int, n)
	for k := range cells {
		c, slot, err := p.Reserve()
		if err != nil {
			return nil, err
		}
		cells[k] = c
		event{uint32(i), seq + uint64(k)}.fill(slot)
	}
	for tries := 0; len(cells) > 0 && !s.stop.Load(); tries++ {
		var m int
		if len(cells) == 1 {
			var pos uint64
			if pos, err = p.Publish(cells[0]); err == nil {
				log, m = append(log, seen{pos, event{uint32(i), seq}}), 1
			}
		} else {
			before := s.lane.Tail()
			var last uint64
			if m, last, err = p.PublishBatch(cells); m > 0 {
				got, ferr := s.positions(i, seq, m, before, last)
				if ferr != nil {
					return nil, ferr
				}
				log = append(log, got...)
			}
		}
		cells, seq = cells[m:], seq+uint64(m)
		if err == nil {
			continue
		}
		if !errors.Is(err, ring.ErrFull) || !s.lane.Geometry().Reliable {
			return nil, err
		}
		if ticket, full := s.lane.PrepareRoom(); full && tries%2 == 0 {
			_ = s.lane.AwaitRoom(ticket, shm.Now()+int64(20*time.Millisecond))
		} else {
			runtime.Gosched()
		}
	}
	return log, nil
}

// positions is the log of a batch, of which only the last position is told. The
// others are left to be found by readers, unless the batch was contiguous.
func (s *stress) positions(i int, seq uint64, m int, before, last uint64) ([]seen, error) {
	if int64(last-before) < int64(m-1) {
		return nil, fmt.Errorf("%d events between tail %d and position %d", m, before, last)
	}
	log := make([]seen, m)
	for k := range log {
		log[k] = seen{last - uint64(m-1-k), event{uint32(i), seq + uint64(k)}}
	}
	return log, nil
}
