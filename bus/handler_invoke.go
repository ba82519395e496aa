package bus

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// invoker calls a function of somebody else's for each event of a dispatcher,
// and keeps to itself what becomes of it.
type invoker struct {
	bus     *Bus
	call    func(*Event) error
	ended   func(*Event, error) // is called once for each event
	onError func(error)
}

// errGoexit is what a function that ends its goroutine panics with, as it were.
var errGoexit = errors.New("runtime.Goexit was called")

// invoke calls the function. A panic, and a fault on the region's memory, becomes
// an error.
func (i *invoker) invoke(e *Event) {
	returned, old := false, i.bus.mem.Protect()
	var err error
	defer func() {
		debug.SetPanicOnFault(old)
		if !returned {
			v := recover()
			if err = i.bus.mem.Fault(v); err == nil {
				if v == nil {
					v = errGoexit
				}
				err = &PanicError{Header: e.header, Value: v, Stack: debug.Stack()}
			}
		}
		i.ended(e, err)
	}()
	err = i.call(e)
	returned = true
}

// tell reports an error, if somebody wants to know. One who panics is not told
// of that.
func (i *invoker) tell(err error) {
	if i.onError == nil {
		return
	}
	defer func() { _ = recover() }()
	i.onError(err)
}

// sized checks that the value has the size of its type.
func (e *Event) sized(size int) error {
	if len(e.value) != size {
		return fmt.Errorf("%w: event %d of lane %s has a value of %d bytes, its type has %d",
			ErrCorrupt, e.header.Position, laneName(e.header.Priority, e.header.Shard), len(e.value), size)
	}
	return nil
}
