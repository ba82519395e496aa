package codec

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Keys and fingerprints are in regions that other versions read: no value here may ever change.

func TestHashVectors(t *testing.T) {
	for s, want := range map[string]uint64{ // widely published
		"":    0xef46db3751d8e999,
		"a":   0xd24ec4f1a98c6e5b,
		"abc": 0x44bc2cf5ad770999,
		"Call me Ishmael. Some years ago--never mind how long precisely-": 0x02a2e85470d6fd96,
	} {
		assert.Equal(t, want, Hash(s), s)
		assert.Equal(t, want, HashBytes([]byte(s)), s)
	}
}

// Every length takes its own way through the algorithm. The values are those of another
// implementation, github.com/cespare/xxhash.
func TestHashLengths(t *testing.T) {
	b := make([]byte, 300)
	for i := range b {
		b[i] = byte(i*7 + 1)
	}
	for n, want := range map[int]uint64{
		1: 0x8a4127811b21e730, 3: 0xb6e6c910c2fd373a, 4: 0x22eda2cf6af4c124, 7: 0x34084d91a233a751,
		8: 0xc6f1803a5e0b3222, 12: 0x9178b724dce384c0, 31: 0x6ab1c40e29f50073, 32: 0x5a0756fbe9ecd3d1,
		33: 0xdc50cdc37bb9c183, 40: 0x7899cacb89a78430, 64: 0x90083da9cdb9d795, 255: 0x5da8139d7acf3995,
	} {
		assert.Equal(t, want, HashBytes(b[:n]), "%d bytes", n)
		assert.Equal(t, want, Hash(string(b[:n])), "%d bytes", n)
	}
	var all uint64
	for n := range len(b) + 1 {
		all = all*31 + HashBytes(b[:n])
	}
	assert.Equal(t, uint64(0x2e994143448a887e), all)
}
