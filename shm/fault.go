package shm

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Protect makes a fault on mapped memory panic in this goroutine instead of ending the process, and returns the
// previous setting for Caught:
//
//	defer r.Caught(r.Protect(), &err)
//
// It costs about as much as a function call and may be nested.
func (r *Region) Protect() (old bool) { return debug.SetPanicOnFault(true) }

// Caught must be deferred directly. It restores the setting and turns a fault within this region's mapping into an
// error that wraps ErrFault. Every other panic goes on: a nil dereference, a fault elsewhere, a caller's own.
func (r *Region) Caught(old bool, err *error) {
	debug.SetPanicOnFault(old)
	v := recover()
	if v == nil {
		return
	}
	fault := r.Fault(v)
	if fault == nil {
		panic(v) // and *err stays as it was
	}
	*err = fault
}

// Fault tells what a recovered panic means: an error that wraps ErrFault for an access to this region's mapping, nil
// for anything else. It is for callers that recover by themselves.
func (r *Region) Fault(v any) error {
	offset, ok := faultOffset(r.mem, v)
	if !ok {
		return nil
	}
	return fmt.Errorf("%w: access at offset %d of %s; close the region, then remove and create it anew", ErrFault, offset, r.path)
}

// faultOffset returns where in mem the fault v happened, if it is one and happened there.
func faultOffset(mem []byte, v any) (uintptr, bool) {
	// A fault has an address; other runtime errors, a nil dereference among them, have none.
	f, ok := v.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		return 0, false
	}
	offset := f.Addr() - address(mem) // wraps around for an address below
	return offset, offset < uintptr(len(mem))
}
