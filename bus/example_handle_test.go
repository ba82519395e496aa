package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// A handler calls a function for each event, for several at the same time. What
// fails or panics is counted and reported, and the next event is handled.
func ExampleHandle() {
	type CallEnded struct{ Seconds uint32 }

	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	var told sync.WaitGroup
	told.Add(3)
	h, err := bus.Handle(b, &bus.HandlerOptions{
		MaxConcurrent: 1, // the default is 16
		OnError: func(err error) {
			if p, ok := errors.AsType[*bus.PanicError](err); ok {
				fmt.Println("panic:", p.Value) // and p.Stack
			} else {
				fmt.Println(err)
			}
			told.Done()
		},
	}, func(ctx context.Context, c *CallEnded, e *bus.Event) error {
		switch {
		case c.Seconds == 0:
			return errors.New("a call of no length")
		case c.Seconds > 86400:
			panic("a call of more than a day")
		}
		fmt.Println("billed", c.Seconds)
		told.Done()
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[CallEnded](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if _, err := pub.PublishBatch(ctx, []CallEnded{{180}, {0}, {100_000}}); err != nil {
		log.Fatal(err)
	}
	told.Wait()
	if err := h.Stop(ctx); err != nil { // waits for what runs
		log.Fatal(err)
	}
	st := h.Stats()
	fmt.Println(st.Handled, "handled,", st.Failed, "failed,", st.Panicked, "panicked,", st.Missed, "missed")
	// Output:
	// billed 180
	// bus: handler of event 1 of lane normal/0: a call of no length
	// panic: a call of more than a day
	// 1 handled, 1 failed, 1 panicked, 0 missed
}

// Events of one key, here a call, are handled one after the other in their order,
// those of different calls at the same time. So the state of a call needs no lock
// of its own.
func ExampleHandle_perKey() {
	type CallState struct{ State uint32 }

	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	calls := []string{"first", "second", "third"}
	states := make(map[uint64]*[]uint32)
	for _, id := range calls {
		states[codec.Hash(id)] = new([]uint32)
	}
	var handled sync.WaitGroup
	_, err = bus.Handle(b, nil, func(ctx context.Context, c *CallState, e *bus.Event) error {
		defer handled.Done()
		s := states[e.Header().Key]
		*s = append(*s, c.State)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, state := range []uint32{100, 180, 200} {
		for _, id := range calls {
			handled.Add(1)
			err := pub.PublishWith(context.Background(), &CallState{state}, bus.With{Key: codec.Hash(id)})
			if err != nil {
				log.Fatal(err)
			}
		}
	}
	handled.Wait()
	for _, id := range calls {
		fmt.Println(id, *states[codec.Hash(id)])
	}
	// Output:
	// first [100 180 200]
	// second [100 180 200]
	// third [100 180 200]
}
