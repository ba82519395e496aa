package floor

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/shm"
)

const (
	allBits = ^uint32(0)
	// sleepBound lets a sleeper notice that its peer died.
	sleepBound = 100 * time.Millisecond
)

func wake(w *uint32, v uint32) error {
	atomic.StoreUint32(w, v) // pairs with the load in sleep
	_, err := shm.FutexWake(w, 1, allBits)
	return err
}

// sleep waits until the word is no longer old and returns what it is.
func (a *area) sleep(w *uint32, old uint32) (uint32, error) {
	for {
		if v := atomic.LoadUint32(w); v != old { // pairs with the store in wake
			return v, nil
		}
		if a.ctx.Err() != nil {
			return 0, context.Cause(a.ctx)
		}
		err := shm.FutexWait(w, old, allBits, shm.Now()+int64(sleepBound))
		if err != nil && !errors.Is(err, shm.ErrChanged) && !errors.Is(err, shm.ErrTimeout) && !errors.Is(err, shm.ErrInterrupted) {
			return 0, err
		}
	}
}
