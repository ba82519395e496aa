package shm

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cut is a region whose file a peer has truncated behind the header.
func cut(t *testing.T) *Region {
	r := newTestRegion(t, t.TempDir(), "calls")
	require.NoError(t, os.Truncate(r.Path(), HeaderSize))
	return r
}

func TestTruncationBecomesAnError(t *testing.T) {
	var sink byte
	accesses := map[string]func(mem []byte){
		"load":         func(mem []byte) { sink = mem[2*HeaderSize] },
		"store":        func(mem []byte) { mem[2*HeaderSize] = 1 },
		"copy out":     func(mem []byte) { copy(make([]byte, len(mem)), mem) },
		"copy in":      func(mem []byte) { copy(mem[3*HeaderSize:], make([]byte, 1000)) },
		"compare":      func(mem []byte) { _ = bytes.Equal(mem[HeaderSize:2*HeaderSize], mem[2*HeaderSize:3*HeaderSize]) },
		"clear":        func(mem []byte) { clear(mem[HeaderSize:]) },
		"atomic load":  func(mem []byte) { atomic.LoadUint32(word(mem, HeaderSize)) },
		"atomic add":   func(mem []byte) { atomic.AddUint32(word(mem, len(mem)-4), 1) },
		"atomic swap":  func(mem []byte) { atomic.CompareAndSwapUint32(word(mem, HeaderSize), 0, 1) },
		"last address": func(mem []byte) { sink = mem[len(mem)-1] },
	}
	for name, access := range accesses {
		t.Run(name, func(t *testing.T) {
			r := cut(t)
			try := func(mem []byte) (err error) {
				defer r.Caught(r.Protect(), &err)
				access(mem)
				return nil
			}
			err := try(r.Bytes())
			require.ErrorIs(t, err, ErrFault)
			assert.ErrorContains(t, err, r.Path())
			assert.False(t, debug.SetPanicOnFault(false), "the setting is as before")
		})
	}
	_ = sink
}

func TestProtectNests(t *testing.T) {
	r := cut(t)
	inner := func() (err error) {
		defer r.Caught(r.Protect(), &err)
		r.Bytes()[HeaderSize] = 1
		return nil
	}
	outer := func() (err error) {
		defer r.Caught(r.Protect(), &err)
		require.ErrorIs(t, inner(), ErrFault)
		r.Bytes()[HeaderSize] = 1
		return nil
	}
	require.ErrorIs(t, outer(), ErrFault)
	assert.False(t, debug.SetPanicOnFault(false))
}

func TestNoFaultNoError(t *testing.T) {
	r := newTestRegion(t, t.TempDir(), "calls")
	mine := errors.New("mine")
	try := func(result error) (err error) {
		defer r.Caught(r.Protect(), &err)
		r.Bytes()[HeaderSize] = 1
		return result
	}
	require.NoError(t, try(nil))
	require.ErrorIs(t, try(mine), mine)
}

// Only a fault in this very mapping is ours; everything else must not be mistaken for it.
func TestOtherPanicsGoOn(t *testing.T) {
	r, other := newTestRegion(t, t.TempDir(), "calls"), cut(t)
	mem := other.Bytes()
	var none *[2 * HeaderSize]byte
	index := len(mem)
	tests := []struct {
		name   string
		access func()
		check  func(t *testing.T, v any)
	}{
		{"fault in another mapping", func() { mem[HeaderSize] = 1 }, func(t *testing.T, v any) {
			offset, ok := faultOffset(mem, v)
			assert.True(t, ok)
			assert.EqualValues(t, HeaderSize, offset)
		}},
		{"nil dereference", func() { none[7] = 1 }, func(t *testing.T, v any) { assert.Implements(t, (*runtime.Error)(nil), v) }},
		{"index out of range", func() { mem[index] = 1 }, func(t *testing.T, v any) { assert.Implements(t, (*runtime.Error)(nil), v) }},
		{"a caller's own", func() { panic("bug") }, func(t *testing.T, v any) { assert.Equal(t, "bug", v) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mine := errors.New("mine")
			err := mine
			v := func() (v any) {
				defer func() { v = recover() }()
				defer r.Caught(r.Protect(), &err)
				tt.access()
				return nil
			}()
			require.NotNil(t, v, "the panic goes on")
			assert.Equal(t, mine, err, "and changes nothing")
			assert.NoError(t, r.Fault(v))
			tt.check(t, v)
			assert.False(t, debug.SetPanicOnFault(false))
		})
	}
}

func TestProtectDoesNotAllocate(t *testing.T) {
	r := newTestRegion(t, t.TempDir(), "calls")
	access := func() (err error) {
		defer r.Caught(r.Protect(), &err)
		r.Bytes()[HeaderSize]++
		return nil
	}
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = access() }))
}
