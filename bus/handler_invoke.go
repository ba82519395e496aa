package bus

import (
	"errors"
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

// invoke calls the function, and returns its error. A panic, and a fault on the
// region's memory, becomes one.
func (i *invoker) invoke(e *Event) (err error) {
	returned, old := false, protect()
	defer func() {
		debug.SetPanicOnFault(old)
		if !returned {
			v := recover()
			if err = i.bus.mem.Fault(v); err == nil {
				if v == nil {
					v = errGoexit
				}
				err = &PanicError{Header: e.Header(), Value: v, Stack: debug.Stack()}
			}
		}
		i.ended(e, err)
	}()
	err = i.call(e)
	returned = true
	return err
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
