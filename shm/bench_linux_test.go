package shm

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}

func BenchmarkPause(b *testing.B) {
	for b.Loop() {
		Pause(1)
	}
}

// BenchmarkFutexWake wakes nobody: what a futile wake costs.
func BenchmarkFutexWake(b *testing.B) {
	b.Run("sleepers=0", func(b *testing.B) {
		addr := new(uint32)
		for b.Loop() {
			_, _ = FutexWake(addr, 1, 1)
		}
	})
}

// BenchmarkFutexTrip has two threads wake each other in turn.
func BenchmarkFutexTrip(b *testing.B) {
	var there, back uint32
	await := func(word *uint32, turn uint32) {
		for {
			v := atomic.LoadUint32(word)
			if v == turn {
				return
			}
			_ = FutexWait(word, v, 1, 0)
		}
	}
	signal := func(word *uint32, turn uint32) {
		atomic.StoreUint32(word, turn)
		_, _ = FutexWake(word, 1, 1)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range b.N {
			await(&there, uint32(i)+1)
			signal(&back, uint32(i)+1)
		}
	}()
	b.ReportAllocs()
	for i := range b.N {
		signal(&there, uint32(i)+1)
		await(&back, uint32(i)+1)
	}
	<-done
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*b.N), "ns/wake")
}

// BenchmarkLock is about the bytes that prove who is alive.
func BenchmarkLock(b *testing.B) {
	dir := b.TempDir()
	r := newTestRegion(b, dir, "calls")
	other, err := Open("calls", &Options{Dir: dir})
	require.NoError(b, err)
	defer other.Release()
	b.Run("op=take-and-give-back", func(b *testing.B) {
		for b.Loop() {
			if ok, err := r.TryLock(3); !ok || err != nil {
				b.Fatal(ok, err)
			}
			if err := r.Unlock(3); err != nil {
				b.Fatal(err)
			}
		}
	})
	ok, err := other.TryLock(3)
	require.NoError(b, err)
	require.True(b, ok)
	b.Run("op=refused", func(b *testing.B) {
		for b.Loop() {
			if ok, err := r.TryLock(3); ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("op=look", func(b *testing.B) {
		for b.Loop() {
			if held, err := r.Locked(3); !held || err != nil {
				b.Fatal(held, err)
			}
		}
	})
}

// BenchmarkOpen attaches to a region and leaves it.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	newTestRegion(b, dir, "calls")
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open("calls", &Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Release(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProtect(b *testing.B) {
	r := &Region{}
	access := func() (err error) {
		defer r.Caught(r.Protect(), &err)
		return nil
	}
	for b.Loop() {
		_ = access()
	}
}
