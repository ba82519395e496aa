package floor

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/shm"
)

// RoundsSize is how many bytes of shared memory [Rounds] need, zero at first.
const RoundsSize = 2 * line

// Rounds let one process have work done by many, round by round: the leader begins
// a round, each follower ends it once, and the leader waits for all of them. Who
// waits sleeps on a word of these rounds and on nothing else.
type Rounds struct {
	a         area
	round     *uint32 // counts rounds, stopWake at the end
	ended     *uint32 // followers that have ended a round, over all rounds
	followers uint32
	own       uint32
}

// NewRounds returns the rounds on mem, for the leader or for one of the followers.
func NewRounds(ctx context.Context, mem []byte, followers int) (*Rounds, error) {
	if len(mem) < RoundsSize {
		return nil, fmt.Errorf("floor: %d bytes of memory, rounds need %d", len(mem), RoundsSize)
	}
	return &Rounds{a: area{ctx: ctx}, round: word32(mem, 0), ended: word32(mem, line), followers: uint32(followers)}, nil
}

// Play begins a round and waits until all followers have ended it.
func (r *Rounds) Play() error {
	r.own++
	atomic.StoreUint32(r.round, r.own) // pairs with the load in sleep
	if _, err := shm.FutexWake(r.round, int(r.followers), allBits); err != nil {
		return err
	}
	for {
		n := atomic.LoadUint32(r.ended) // pairs with the Add in End
		if n == r.own*r.followers {
			return nil
		}
		if _, err := r.a.sleep(r.ended, n); err != nil {
			return err
		}
	}
}

// Stop lets the followers go.
func (r *Rounds) Stop() error {
	atomic.StoreUint32(r.round, stopWake) // pairs with the load in sleep
	_, err := shm.FutexWake(r.round, int(r.followers), allBits)
	return err
}

// Next waits for a round to begin. It returns ErrStopped after Stop.
func (r *Rounds) Next() error {
	now, err := r.a.sleep(r.round, r.own)
	if err != nil {
		return err
	}
	if now == stopWake {
		return ErrStopped
	}
	r.own = now
	return nil
}

// End ends the round for this follower. The last one wakes the leader.
func (r *Rounds) End() error {
	if atomic.AddUint32(r.ended, 1) != r.own*r.followers { // pairs with the load in Play
		return nil
	}
	_, err := shm.FutexWake(r.ended, 1, allBits)
	return err
}
