package mediad

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/rvoip/shmbus/codec"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testRoom = 8 // calls

func TestRecordsFitTheirCells(t *testing.T) {
	for _, check := range []func() (*codec.Layout, error){codec.Of[call], codec.Of[totals]} {
		l, err := check()
		require.NoError(t, err)
		assert.LessOrEqual(t, l.Size, recordSize)
	}
}

func TestStoreKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, tot, calls, err := openStore(path, "region", testRoom)
	require.NoError(t, err)
	require.Nil(t, tot)
	require.Empty(t, calls)

	for n := range uint64(3) { // each save goes to the other half
		s.save(totalsCell, codec.AsBytes(&totals{Packets: n}))
	}
	kept, ok := s.take()
	require.True(t, ok)
	s.save(kept, codec.AsBytes(&call{Key: 7}))
	given, ok := s.take()
	require.True(t, ok)
	s.save(given, codec.AsBytes(&call{Key: 8}))
	s.give(given)
	require.NoError(t, s.close())

	s, tot, calls, err = openStore(path, "region", testRoom)
	require.NoError(t, err)
	assert.EqualValues(t, 2, tot.Packets)
	require.Len(t, calls, 1)
	assert.EqualValues(t, 7, calls[kept].Key)
	assert.Len(t, s.free, testRoom-1)
	require.NoError(t, s.close())

	s, tot, calls, err = openStore(path, "another region", testRoom)
	require.NoError(t, err)
	assert.Nil(t, tot, "positions of another region mean nothing")
	assert.Empty(t, calls)
	require.NoError(t, s.close())
}

// A kill in the middle of a save leaves any prefix of the bytes, or any mix: the record before it must survive.
func TestStoreSurvivesTornSave(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		path := filepath.Join(t.TempDir(), "state")
		s, _, _, err := openStore(path, "r", testRoom)
		require.NoError(t, err)
		s.save(totalsCell, codec.AsBytes(&totals{Packets: 1}))
		s.save(totalsCell, codec.AsBytes(&totals{Packets: 2}))
		torn := s.half(totalsCell, 3) // what generation 3 would overwrite
		for range 1 + rng.IntN(40) {
			torn[rng.IntN(len(torn))] = byte(rng.Uint32())
		}
		require.NoError(t, s.close())
		s, tot, _, err := openStore(path, "r", testRoom)
		require.NoError(t, err)
		require.NotNil(t, tot)
		assert.EqualValues(t, 2, tot.Packets)
		require.NoError(t, s.close())
	}
}

func TestStoreReplacesForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(path, []byte("something else"), 0o600))
	s, tot, calls, err := openStore(path, "r", testRoom)
	require.NoError(t, err)
	assert.Nil(t, tot)
	assert.Empty(t, calls)
	require.NoError(t, s.close())
}

func TestStoreWithoutRoom(t *testing.T) {
	s, _, _, err := openStore(filepath.Join(t.TempDir(), "state"), "r", testRoom)
	require.NoError(t, err)
	defer s.close()
	for range testRoom {
		_, ok := s.take()
		require.True(t, ok)
	}
	_, ok := s.take()
	assert.False(t, ok)
	_, ok = (*store)(nil).take()
	assert.False(t, ok)
}
