package payload

import (
	"encoding/binary"
	"math/bits"
)

// spread makes body words of a note that differ in all bytes.
const spread = 0x9E3779B97F4A7C15 // 2^64 / golden ratio

func finish(a, b uint64) uint64 { return a ^ bits.RotateLeft64(b*spread, 31) }

// Sum is the checksum of words.
func Sum(w []uint64) uint64 {
	var a, b uint64
	for _, x := range w {
		a += x
		b += a
	}
	return finish(a, b)
}

// fill writes note, body and checksum; w has at least two words.
func fill(w []uint64, n Note, sum bool) {
	x := uint64(n) * spread
	end := len(w) - 1
	w[0] = uint64(n)
	a, b := uint64(n), uint64(n)
	for i := 1; i < end; i++ {
		x += spread
		w[i] = x
		a += x
		b += a
	}
	if sum {
		w[end] = finish(a, b)
	} else {
		w[end] = x
	}
}

// FillTail writes a tail whose length is a multiple of eight, and returns the
// checksum of n and it.
func FillTail(tail []byte, n Note) uint64 {
	x := uint64(n) * spread
	a, b := uint64(n), uint64(n)
	for len(tail) >= 8 {
		x += spread
		binary.LittleEndian.PutUint64(tail, x)
		a += x
		b += a
		tail = tail[8:]
	}
	return finish(a, b)
}

// SumTail is the checksum of n and a tail.
func SumTail(tail []byte, n Note) uint64 {
	a, b := uint64(n), uint64(n)
	for len(tail) >= 8 {
		a += binary.LittleEndian.Uint64(tail)
		b += a
		tail = tail[8:]
	}
	return finish(a, b)
}
