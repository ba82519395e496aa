package bus

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// A type record whose schema is said to be longer than the record: nothing behind
// it is read.
func TestTypeRecordWithImpossibleSchema(t *testing.T) {
	b, err := OpenLocal(&Options{Geometry: tiny()})
	require.NoError(t, err)
	defer b.Close()
	id, err := TypeFor[fuzzed](b)
	require.NoError(t, err)
	record := b.region.types.records[b.region.types.order[id-1].Load()-1]
	for _, n := range []uint32{typeSize - typeSchema + 1, typeSize, 1 << 20, 1<<31 - 1, 1 << 31, ^uint32(0)} {
		binary.LittleEndian.PutUint32(record[typeSchemaN:], n)
		require.NotPanics(t, func() {
			_, err = b.region.types.at(int(id) - 1)
		})
		require.ErrorIs(t, err, ErrCorrupt, "%d bytes", n)
	}
}
