package codec

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type (
	callID String64
	state  uint8

	leg struct {
		ID   String16
		Port uint16
		_    [2]byte
	}

	callEvent struct {
		CallID  callID
		Started time.Duration
		Level   float64
		Seq     uint32
		Loss    float32
		State   state
		Held    Bool
		Codecs  [4]uint8
		From    struct {
			Port uint16
			Auth Bytes16
		}
		Grid [2][3]int16
		Legs [2]leg
		Mesh [2][2]struct{ X, Y int32 }
		_    [4]byte // to a multiple of 8, also where 64-bit numbers are aligned to 4
	}
)

func TestOfAcceptedTypes(t *testing.T) {
	type signal struct{}
	type numbers struct {
		I64 int64
		U64 uint64
		F64 float64
		I32 int32
		U32 uint32
		F32 float32
		I16 int16
		U16 uint16
		I8  int8
		U8  uint8
		B   Bool
		_   [5]uint8
	}
	type fixedAll struct {
		S16  String16
		S32  String32
		S48  String48
		S64  String64
		S128 String128
		S256 String256
		B16  Bytes16
		B32  Bytes32
		B64  Bytes64
		B128 Bytes128
		B256 Bytes256
	}
	type embedded struct {
		leg
		N [3]Bool
		_ [0]int32
		Z [0]uint8
		E [4]struct{}
		P [2]struct{ _ uint16 }
		M struct{ _ struct{} }
		V uint8
	}

	for _, c := range []struct {
		name    string
		of      func() (*Layout, error)
		want    string
		padding int
	}{
		{"signal", Of[signal], "size 0, align 1", 0},
		{"numbers", Of[numbers], "I64 int64@0 U64 uint64@8 F64 float64@16 I32 int32@24 U32 uint32@28 F32 float32@32 " +
			"I16 int16@36 U16 uint16@38 I8 int8@40 U8 uint8@41 B bool@42, size 48, align 8", 5},
		{"fixed", Of[fixedAll], "S16 string16@0 S32 string32@16 S48 string48@48 S64 string64@96 S128 string128@160 S256 string256@288 " +
			"B16 bytes16@544 B32 bytes32@560 B64 bytes64@592 B128 bytes128@656 B256 bytes256@784, size 1040, align 2", 0},
		{"embedded", Of[embedded], "leg.ID string16@0 leg.Port uint16@16 N [3]bool@20 V uint8@28, size 32, align 4", 10},
		{"event", Of[callEvent], "CallID string64@0 Started int64@64 Level float64@72 Seq uint32@80 Loss float32@84 " +
			"State uint8@88 Held bool@89 Codecs [4]uint8@90 From.Port uint16@94 From.Auth bytes16@96 " +
			"Grid [2][3]int16@112 Legs [2]struct20@124{ID string16@0 Port uint16@16} " +
			"Mesh [2][2]struct8@164{X int32@0 Y int32@4}, size 200, align 8", 8},
		{"unexported", Of[struct{ a, b uint8 }], "a uint8@0 b uint8@1, size 2, align 1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := c.of()
			require.NoError(t, err)
			assert.Equal(t, c.want, l.String())
			assert.Equal(t, c.padding, l.Padding)
			again, err := c.of()
			require.NoError(t, err)
			assert.Same(t, l, again, "the layout is cached")
		})
	}
}

func TestOfFields(t *testing.T) {
	l, err := Of[callEvent]()
	require.NoError(t, err)
	assert.Equal(t, "codec.callEvent", l.Name)

	by := make(map[string]Field)
	for _, f := range l.Fields {
		by[f.Name] = f
	}
	assert.Equal(t, Field{Name: "CallID", Kind: KindString, Offset: 0, Size: 64, Cap: 62}, by["CallID"])
	assert.Equal(t, Field{Name: "From.Auth", Kind: KindBytes, Offset: 96, Size: 16, Cap: 14}, by["From.Auth"])
	assert.Equal(t, Field{Name: "Codecs", Kind: KindUint8, Offset: 90, Size: 4, Count: 4}, by["Codecs"])
	assert.Equal(t, Field{Name: "Legs", Kind: KindStruct, Offset: 124, Size: 40, Count: 2, Fields: []Field{
		{Name: "ID", Kind: KindString, Offset: 0, Size: 16, Cap: 14},
		{Name: "Port", Kind: KindUint16, Offset: 16, Size: 2},
	}}, by["Legs"])
	assert.Equal(t, Field{Name: "Grid", Kind: KindStruct, Offset: 112, Size: 12, Count: 2, Fields: []Field{
		{Kind: KindInt16, Offset: 0, Size: 6, Count: 3},
	}}, by["Grid"])
}

func TestOfRefusedTypes(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			l, err := c.of()
			require.ErrorIs(t, err, ErrType)
			assert.Nil(t, l)
			for _, part := range c.parts {
				assert.ErrorContains(t, err, part)
			}
			_, again := c.of()
			assert.Equal(t, err, again)
		})
	}
}

func TestOfLimits(t *testing.T) {
	l, err := Of[struct{ A [MaxSize]uint8 }]()
	require.NoError(t, err)
	assert.Equal(t, MaxSize, l.Size)

	_, err = Of[struct{ A [MaxSize + 1]uint8 }]()
	require.ErrorIs(t, err, ErrType)
	assert.ErrorContains(t, err, "has 1048577 bytes, the limit is 1048576: use the event's tail")

	type eight struct{ A [1][1][1][1][1][1][1][1]uint8 }
	_, err = Of[eight]()
	require.NoError(t, err)
	_, err = Of[struct {
		A [1][1][1][1][1][1][1][1][1]eight
	}]()
	require.ErrorIs(t, err, ErrType)
	assert.ErrorContains(t, err, "more than 8 deep")

	type sixteen struct{ A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P uint8 }
	type many struct{ A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P sixteen }
	_, err = Of[struct{ A, B, C, D many }]()
	require.NoError(t, err)
	_, err = Of[struct {
		A, B, C, D many
		E          uint8
	}]()
	require.ErrorIs(t, err, ErrType)
	assert.ErrorContains(t, err, "1025 fields, the limit is 1024")

	type wordy struct {
		AbcdefghijklmnopqrstuvwxyzAbcdefghijklmnopqrstuvwxyzAbcdefghijklm many
	}
	_, err = Of[struct{ A, B, C wordy }]()
	require.NoError(t, err)
	_, err = Of[struct{ A, B, C, D wordy }]()
	require.ErrorIs(t, err, ErrType)
	assert.ErrorContains(t, err, "the limit is 65536: use shorter field names")

	type long struct {
		AbcdefghijklmnopqrstuvwxyzAbcdefghijklmnopqrstuvwxyzAbcdefghijkl struct{ X uint8 }
	}
	type longer struct {
		AbcdefghijklmnopqrstuvwxyzAbcdefghijklmnopqrstuvwxyzAbcdefghijkl long
	}
	type longest struct {
		AbcdefghijklmnopqrstuvwxyzAbcdefghijklmnopqrstuvwxyzAbcdefghijkl struct {
			AbcdefghijklmnopqrstuvwxyzAbcdefghijklmnopqrstuvwxyzAbcdefghijkl longer
		}
	}
	_, err = Of[longest]()
	require.ErrorIs(t, err, ErrType)
	assert.ErrorContains(t, err, "has 261 bytes, the limit is 255")
}

// Platforms that align 64-bit numbers to 4 would lay such a struct out in their own way.
func TestOfNeedsNaturalAlignment(t *testing.T) {
	type gap struct {
		A uint32
		B uint64
	}
	type end struct {
		A uint64
		B uint32
	}
	_, gapErr := Of[gap]()
	_, endErr := Of[end]()
	if strconv.IntSize == 64 {
		require.NoError(t, gapErr)
		require.NoError(t, endErr)
		return
	}
	require.ErrorIs(t, gapErr, ErrType)
	require.ErrorContains(t, gapErr, "field B: uint64 at 4 is not aligned to 8")
	require.ErrorIs(t, endErr, ErrType)
	require.ErrorContains(t, endErr, "size 12 is no multiple of the alignment 8")
}

func TestKindString(t *testing.T) {
	assert.Equal(t, "string", KindString.String())
	assert.Equal(t, "kind(0)", KindInvalid.String())
	assert.Equal(t, "kind(200)", Kind(200).String())
	// The numbers are in files. A new kind goes to the end.
	for want, k := range []Kind{
		KindInvalid, KindBool, KindInt8, KindInt16, KindInt32, KindInt64, KindUint8, KindUint16, KindUint32,
		KindUint64, KindFloat32, KindFloat64, KindString, KindBytes, KindStruct,
	} {
		assert.EqualValues(t, want, k)
	}
}

func TestBool(t *testing.T) {
	var b Bool
	assert.False(t, b.Get())
	b.Set(true)
	assert.Equal(t, True, b)
	assert.Equal(t, "true", b.String())
	b.Set(false)
	assert.Equal(t, False, b)
	assert.Equal(t, "false", b.String())
	assert.True(t, Bool(0x80).Get(), "any byte from a peer but 0 is true")
}
