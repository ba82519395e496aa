package codec

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDiff(t *testing.T) {
	type here struct {
		CallID String64
		Caller String32
		State  uint8
		Old    uint8
		Codecs [4]uint8
		Grid   [2][3]int16
		Legs   [2]struct {
			ID   String16
			Port uint16
		}
		Mesh [2][2]struct{ X int32 }
	}
	type there struct {
		CallID String64
		Caller String64
		State  Bool
		New    int8
		Codecs [6]uint8
		Grid   [3][2]int16
		Legs   [2]struct {
			ID   Bytes16
			Port uint16
			Lost uint16
		}
		Mesh [2][2]struct{ Y int32 }
		_    [4]byte
		At   int64
	}
	h, w := layoutOf[here](t), layoutOf[there](t)
	assert.Equal(t, []string{
		"size: 168 here, 216 there",
		"alignment: 4 here, 8 there",
		"field Caller: string32 at 64 here, string64 at 64 there",
		"field State: uint8 at 96 here, bool at 128 there",
		"field Old: uint8 at 97 only here",
		"field Codecs: [4]uint8 at 98 here, [6]uint8 at 130 there",
		"field Grid: [2][3]int16 at 102 here, [3][2]int16 at 136 there",
		"field Legs: [2]struct18 at 114 here, [2]struct20 at 148 there",
		"field Legs[].ID: string16 at 0 here, bytes16 at 0 there",
		"field Legs[].Lost: uint16 at 18 only there",
		"field Mesh: [2][2]struct4 at 152 here, [2][2]struct4 at 188 there",
		"field Mesh[][].X: int32 at 0 only here",
		"field Mesh[][].Y: int32 at 0 only there",
		"field New: int8 at 129 only there",
		"field At: int64 at 208 only there",
	}, h.Diff(w))
	assert.Nil(t, h.Diff(h))
	assert.Len(t, w.Diff(h), len(h.Diff(w)), "the same differences from the other side")
}

// An array of structs and one of arrays have nothing inside to compare.
func TestDiffOfUnlikeArrays(t *testing.T) {
	structs := layoutOf[struct{ A [2]struct{ X uint16 } }](t)
	arrays := layoutOf[struct{ A [2][1]uint16 }](t)
	plain := layoutOf[struct{ A [2]uint16 }](t)
	assert.Equal(t, []string{"field A: [2]struct2 at 0 here, [2][1]uint16 at 0 there"}, structs.Diff(arrays))
	assert.Equal(t, []string{"field A: [2]struct2 at 0 here, [2]uint16 at 0 there"}, structs.Diff(plain))
	assert.Equal(t, []string{"field A: [2][1]uint16 at 0 here, [2]uint16 at 0 there"}, arrays.Diff(plain))
}

// Only names, kinds, counts and places count, not what a program calls its type.
func TestDiffIgnoresTypeNames(t *testing.T) {
	type a struct{ N uint32 }
	type b struct{ N uint32 }
	assert.Nil(t, layoutOf[a](t).Diff(layoutOf[b](t)))
	assert.Equal(t, layoutOf[a](t).Fingerprint, layoutOf[b](t).Fingerprint)
}
