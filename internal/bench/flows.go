package bench

import (
	"fmt"
	"reflect"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// The types of events. Which lane one takes is part of its type, so there is
// one for each direction that a workload needs.
type (
	normalEvent[V any]   struct{ V V }
	criticalEvent[V any] struct{ V V }
	highEvent[V any]     struct{ V V }
	lowEvent[V any]      struct{ V V }
	seedEvent            struct{ V payload.Seed }
)

func (normalEvent[V]) EventType() bus.TypeOptions   { return typeOptions[V](bus.Normal) }
func (criticalEvent[V]) EventType() bus.TypeOptions { return typeOptions[V](bus.Critical) }
func (highEvent[V]) EventType() bus.TypeOptions     { return typeOptions[V](bus.High) }
func (lowEvent[V]) EventType() bus.TypeOptions      { return typeOptions[V](bus.Low) }
func (seedEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "bench.seed", Priority: bus.Normal}
}

func typeOptions[V any](p bus.Priority) bus.TypeOptions {
	return bus.TypeOptions{Name: fmt.Sprintf("bench.%s.%s", p, reflect.TypeFor[V]().Name()), Priority: p}
}

func seedFlow() flow {
	return valueFlow(
		func(e *seedEvent, n payload.Note, sum bool) { payload.FillSeed(&e.V, n, sum) },
		func(e *seedEvent, sum bool) (payload.Note, bool) { return payload.ReadSeed(&e.V, sum) },
		seedTracked)
}

// typedSizes are the sizes with a type of their own; others are a head and a tail.
var typedSizes = []int{16, 32, 48, 64, 128, 256, 512, 1024}

// normalFlow is the flow of events of a size over the Normal lane.
func normalFlow(size int) flow {
	switch size {
	case 16:
		return sized[normalEvent[payload.V16]]()
	case 32:
		return sized[normalEvent[payload.V32]]()
	case 48:
		return sized[normalEvent[payload.V48]]()
	case 64:
		return sized[normalEvent[payload.V64]]()
	case 128:
		return sized[normalEvent[payload.V128]]()
	case 256:
		return sized[normalEvent[payload.V256]]()
	case 512:
		return sized[normalEvent[payload.V512]]()
	case 1024:
		return sized[normalEvent[payload.V1024]]()
	}
	return tailFlow(func(e *normalEvent[payload.Head]) *payload.Head { return &e.V })
}

// criticalFlow and highFlow are the two directions of a conversation.
func criticalFlow(size int) flow {
	switch size {
	case 16:
		return sized[criticalEvent[payload.V16]]()
	case 32:
		return sized[criticalEvent[payload.V32]]()
	case 48:
		return sized[criticalEvent[payload.V48]]()
	case 64:
		return sized[criticalEvent[payload.V64]]()
	case 128:
		return sized[criticalEvent[payload.V128]]()
	case 256:
		return sized[criticalEvent[payload.V256]]()
	case 512:
		return sized[criticalEvent[payload.V512]]()
	case 1024:
		return sized[criticalEvent[payload.V1024]]()
	}
	return tailFlow(func(e *criticalEvent[payload.Head]) *payload.Head { return &e.V })
}

func highFlow(size int) flow {
	switch size {
	case 16:
		return sized[highEvent[payload.V16]]()
	case 32:
		return sized[highEvent[payload.V32]]()
	case 48:
		return sized[highEvent[payload.V48]]()
	case 64:
		return sized[highEvent[payload.V64]]()
	case 128:
		return sized[highEvent[payload.V128]]()
	case 256:
		return sized[highEvent[payload.V256]]()
	case 512:
		return sized[highEvent[payload.V512]]()
	case 1024:
		return sized[highEvent[payload.V1024]]()
	}
	return tailFlow(func(e *highEvent[payload.Head]) *payload.Head { return &e.V })
}

// lowFlow is the flow of what may be lost.
func lowFlow(size int) flow {
	switch size {
	case 16:
		return sized[lowEvent[payload.V16]]()
	case 32:
		return sized[lowEvent[payload.V32]]()
	case 48:
		return sized[lowEvent[payload.V48]]()
	case 64:
		return sized[lowEvent[payload.V64]]()
	case 128:
		return sized[lowEvent[payload.V128]]()
	case 256:
		return sized[lowEvent[payload.V256]]()
	case 512:
		return sized[lowEvent[payload.V512]]()
	case 1024:
		return sized[lowEvent[payload.V1024]]()
	}
	return tailFlow(func(e *lowEvent[payload.Head]) *payload.Head { return &e.V })
}
