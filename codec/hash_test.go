package codec

import (
	"hash/fnv"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHashVectors(t *testing.T) {
	// From the reference code's test suite. The values are in regions and must never change.
	assert.Equal(t, uint64(0xcbf29ce484222325), Hash(""))
	assert.Equal(t, uint64(0xaf63dc4c8601ec8c), Hash("a"))
	assert.Equal(t, uint64(0x85944171f73967e8), Hash("foobar"))
}

func TestHashIsFNV1a(t *testing.T) {
	require.NoError(t, quick.Check(func(p []byte) bool {
		h := fnv.New64a()
		_, _ = h.Write(p)
		return HashBytes(p) == h.Sum64() && Hash(string(p)) == h.Sum64()
	}, nil))
}
