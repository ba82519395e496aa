package codec

import (
	"encoding/binary"
	"math/bits"
)

// Hash returns the 64-bit xxHash (XXH64 with seed 0) of s. It is the same in every process, on every
// platform and in every version, and so serves as the key of an event: the events of one Call-ID,
// say, keep their order. It is no defence against somebody who chooses s to make keys collide; that
// costs balance, never correctness.
func Hash(s string) uint64 { return xxh64(stringBytes(s)) }

// HashBytes returns the same hash as [Hash] of the same bytes.
func HashBytes(p []byte) uint64 { return xxh64(p) }

// XXH64 is by Yann Collet: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
// The names follow that document. It was chosen over FNV-1a, which takes a byte at a time: the key of
// an event with a Call-ID of 35 bytes would cost more than publishing it.
const (
	prime1 uint64 = 0x9E3779B185EBCA87
	prime2 uint64 = 0xC2B2AE3D27D4EB4F
	prime3 uint64 = 0x165667B19E3779F9
	prime4 uint64 = 0x85EBCA77C2B2AE63
	prime5 uint64 = 0x27D4EB2F165667C5
)

// stripe is how many bytes the four accumulators take at a time.
const stripe = 32

func xxh64(b []byte) uint64 {
	length := uint64(len(b))
	h := prime5
	if len(b) >= stripe {
		h, b = stripes(b)
	}
	h += length
	for ; len(b) >= 8; b = b[8:] {
		h ^= xxRound(0, binary.LittleEndian.Uint64(b))
		h = bits.RotateLeft64(h, 27)*prime1 + prime4
	}
	if len(b) >= 4 {
		h ^= uint64(binary.LittleEndian.Uint32(b)) * prime1
		h = bits.RotateLeft64(h, 23)*prime2 + prime3
		b = b[4:]
	}
	for _, c := range b {
		h ^= uint64(c) * prime5
		h = bits.RotateLeft64(h, 11) * prime1
	}
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

// stripes takes all whole stripes of b and returns the merged accumulators and what is left.
func stripes(b []byte) (h uint64, rest []byte) {
	var a1, a2, a3, a4 uint64 // start values for seed 0, modulo 2^64
	a1 += prime1
	a1 += prime2
	a2 += prime2
	a4 -= prime1
	for ; len(b) >= stripe; b = b[stripe:] {
		a1 = xxRound(a1, binary.LittleEndian.Uint64(b))
		a2 = xxRound(a2, binary.LittleEndian.Uint64(b[8:]))
		a3 = xxRound(a3, binary.LittleEndian.Uint64(b[16:]))
		a4 = xxRound(a4, binary.LittleEndian.Uint64(b[24:]))
	}
	h = bits.RotateLeft64(a1, 1) + bits.RotateLeft64(a2, 7) +
		bits.RotateLeft64(a3, 12) + bits.RotateLeft64(a4, 18)
	for _, a := range [...]uint64{a1, a2, a3, a4} {
		h = (h^xxRound(0, a))*prime1 + prime4
	}
	return h, b
}

func xxRound(acc, lane uint64) uint64 {
	return bits.RotateLeft64(acc+lane*prime2, 31) * prime1
}
