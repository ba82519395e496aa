package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

func TestNoEventAllocates(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(8), reliable(8)} {
		lane := newLane(t, geo, 0)
		bell := newBell(&ring.LocalParker{})
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		cells := make([]int, 0, geo.Batch)
		for name, f := range map[string]func() error{
			"one by one": func() error {
				c, slot, err := p.Reserve()
				if err != nil {
					return err
				}
				slot[0]++
				if _, err = p.Publish(c); err != nil {
					return err
				}
				bell.Ring(1)
				n, _, err := r.Poll(4)
				for k := range n {
					slot, _ := r.Slot(k)
					slot[1]++
				}
				if err != nil {
					return err
				}
				return r.Advance(n)
			},
			"in batches": func() error {
				cells = cells[:0]
				for range geo.Batch {
					c, slot, err := p.Reserve()
					if err != nil {
						return err
					}
					slot[0]++
					cells = append(cells, c)
				}
				if _, _, err := p.PublishBatch(cells); err != nil {
					return err
				}
				_, _, err := r.Poll(4)
				return err
			},
			"held by a reader": func() error {
				c, _, err := p.Reserve()
				if err != nil {
					return err
				}
				if _, err := p.Publish(c); err != nil {
					p.Cancel(c) // full
				}
				return nil
			},
		} {
			var failed error
			allocs := testing.AllocsPerRun(1000, func() {
				if err := f(); err != nil {
					failed = err
				}
			})
			require.NoError(t, failed, name)
			assert.Zero(t, allocs, "allocations: %s, reliable %t", name, geo.Reliable)
			for n := 1; n > 0; { // nothing is left for the next
				var err error
				n, _, err = r.Poll(4)
				require.NoError(t, err)
			}
		}
	}
}
