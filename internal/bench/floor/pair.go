package floor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrStopped is what the sleeping end of a pair gets when there is nothing more.
var ErrStopped = errors.New("floor: the pair was stopped")

// PairSize is how many bytes of shared memory a [Pair] needs, zero at first.
const PairSize = 2 * line

// Pair is a bare futex between two processes, with the time at which the one woke
// the other: what a wake costs without anything around it. One end wakes, the
// other sleeps.
type Pair struct {
	a    area
	word *uint32        // counts wakes; pairStop is set at the end
	at   *atomic.Uint64 // the time of the last one
	seen uint32
}

// NewPair returns one end of the pair on mem.
func NewPair(ctx context.Context, mem []byte) (*Pair, error) {
	if len(mem) < PairSize {
		return nil, fmt.Errorf("floor: %d bytes of memory, a pair needs %d", len(mem), PairSize)
	}
	return &Pair{a: area{ctx: ctx}, word: word32(mem, 0), at: word64(mem, line)}, nil
}

// Wake wakes the other end and tells it the time.
func (p *Pair) Wake(at int64) error {
	p.at.Store(uint64(at)) // published by the store of the word in wake
	p.seen++
	return wake(p.word, p.seen)
}

const pairStop = 1 << 31

// Stop lets the other end go, once it has seen the last wake.
func (p *Pair) Stop() error { return wake(p.word, p.seen|pairStop) }

// Sleep waits for the next wake and returns the time that it was told. Wakes that
// came while this end did not sleep count as one. It returns ErrStopped after Stop.
func (p *Pair) Sleep() (at int64, err error) {
	now, err := p.a.sleep(p.word, p.seen)
	if err != nil {
		return 0, err
	}
	if now == p.seen|pairStop {
		return 0, ErrStopped
	}
	p.seen = now &^ pairStop
	return int64(p.at.Load()), nil
}

// Woken is how many wakes this end has made or seen.
func (p *Pair) Woken() uint32 { return p.seen }
