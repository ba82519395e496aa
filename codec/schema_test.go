package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func layoutOf[T any](t testing.TB) *Layout {
	t.Helper()
	l, err := Of[T]()
	require.NoError(t, err)
	return l
}

// anonymous returns the layout without what its schema does not hold.
func anonymous(l *Layout) *Layout {
	c := *l
	c.Name = ""
	return &c
}

func TestSchemaRoundTrip(t *testing.T) {
	for _, l := range []*Layout{
		layoutOf[struct{}](t), layoutOf[leg](t), layoutOf[sample](t), layoutOf[callEvent](t),
		layoutOf[struct{ A [MaxSize]uint8 }](t), layoutOf[struct{ A [MaxSize / 256]String256 }](t),
	} {
		schema := l.AppendSchema(nil)
		got, err := ParseSchema(schema)
		require.NoError(t, err)
		assert.Equal(t, anonymous(l), got)
		assert.Equal(t, HashBytes(schema), got.Fingerprint)
		assert.Equal(t, schema, got.AppendSchema(nil))
		assert.Equal(t, append([]byte("x"), schema...), l.AppendSchema([]byte("x")))
		assert.Empty(t, l.Diff(got))
	}
}

// The format is in regions that other versions of this package read: these bytes must never change
// without a new schemaVersion.
func TestSchemaGolden(t *testing.T) {
	l := layoutOf[struct {
		ID   String16
		Legs [2]struct{ Port uint16 }
		Held Bool
	}](t)
	want := []byte{
		1,        // version
		22, 2, 3, // size, alignment, fields
		12, 0, 0, 16, 2, 'I', 'D',
		14, 16, 2, 2, 4, 'L', 'e', 'g', 's', 1,
		7, 0, 0, 4, 'P', 'o', 'r', 't',
		1, 20, 0, 4, 'H', 'e', 'l', 'd',
	}
	assert.Equal(t, hex.EncodeToString(want), hex.EncodeToString(l.AppendSchema(nil)))
	assert.Equal(t, uint64(0xb1fba85cd54c9709), l.Fingerprint)
}

func TestParseSchemaIsIndependentOfItsInput(t *testing.T) {
	schema := layoutOf[callEvent](t).AppendSchema(nil)
	l, err := ParseSchema(schema)
	require.NoError(t, err)
	want := l.String()
	clear(schema)
	assert.Equal(t, want, l.String())
}

func TestParseSchemaTruncated(t *testing.T) {
	schema := layoutOf[callEvent](t).AppendSchema(nil)
	for n := range schema {
		_, err := ParseSchema(schema[:n])
		require.ErrorIs(t, err, ErrSchema)
		require.ErrorContains(t, err, "ends too early")
	}
	_, err := ParseSchema(append(schema, 0))
	require.ErrorIs(t, err, ErrSchema)
	require.ErrorContains(t, err, "more bytes follow")
}

// Every single-byte change gives an error or another valid layout; none is taken for the original.
func TestParseSchemaDamaged(t *testing.T) {
	l := layoutOf[callEvent](t)
	schema := l.AppendSchema(nil)
	for i := range schema {
		for _, flip := range []byte{0x01, 0x20, 0x80, 0xff} {
			damaged := bytes.Clone(schema)
			damaged[i] ^= flip
			got, err := ParseSchema(damaged)
			if err != nil {
				require.ErrorIs(t, err, ErrSchema)
				continue
			}
			require.NotEqual(t, l.Fingerprint, got.Fingerprint)
			require.NotEmpty(t, l.Diff(got))
		}
	}
}

func TestParseSchemaHostile(t *testing.T) {
	u8 := func(name string, at uint32) Field { return Field{Name: name, Kind: KindUint8, Offset: at, Size: 1} }
	array := func(f Field, size, count uint32, fields ...Field) Field {
		f.Kind, f.Size, f.Count, f.Fields = KindStruct, size, count, fields
		return f
	}
	// schema makes the bytes of a layout that nobody has checked.
	schema := func(size, align int, fields ...Field) []byte {
		return (&Layout{Size: size, Align: align, Fields: fields}).AppendSchema(nil)
	}
	numbers := func(v ...uint64) (b []byte) {
		for _, n := range v {
			b = binary.AppendUvarint(b, n)
		}
		return b
	}
	deep := u8("A", 0)
	for range MaxDepth + 1 {
		deep = array(Field{Name: "A"}, 1, 1, deep)
	}
	var many []Field
	for i := range uint32(MaxFields + 1) {
		many = append(many, u8("A", i))
	}
	nested := array(Field{Name: "B"}, MaxFields, 1, many[:MaxFields]...)

	for _, c := range []struct {
		name   string
		schema []byte
		want   string
	}{
		{"empty", nil, "ends too early"},
		{"too long", make([]byte, MaxSchema+1), "65537 bytes, the limit is 65536"},
		{"version", []byte{2, 0, 1, 0}, "format version 2, this program knows 1"},
		{"size", numbers(1, MaxSize+1, 1, 0), "beyond its limit 1048576"},
		{"huge size", numbers(1, 1<<63, 1, 0), "beyond its limit"},
		{"overflowing number", append([]byte{1}, bytes.Repeat([]byte{0xff}, 20)...), "beyond its limit"},
		{"long number", []byte{1, 0x80, 0, 1, 0}, "not in its shortest form"},
		{"alignment 0", schema(0, 0), "alignment 0, want 1, 2, 4 or 8"},
		{"alignment 3", schema(3, 3), "alignment 3, want 1, 2, 4 or 8"},
		{"alignment 16", numbers(1, 16, 16, 0), "beyond its limit 8"},
		{"size not aligned", schema(9, 8), "size 9 is no multiple of the alignment 8"},
		{"alignment too small", schema(8, 4, Field{Name: "A", Kind: KindInt64, Size: 8}), "alignment 4, its fields need 8"},
		{"fields without end", numbers(1, 8, 8, MaxFields), "ends too early"},
		{"too many fields", schema(MaxFields+1, 1, many...), "beyond its limit 1024"},
		{"too many nested", schema(MaxFields, 1, nested), "more than 1024 fields"},
		{"too deep", schema(1, 1, deep), "more than 8 levels"},
		{"kind 0", schema(1, 1, Field{Name: "A", Size: 1}), "unknown kind(0)"},
		{"kind of the future", schema(1, 1, Field{Name: "A", Kind: 99, Size: 1}), "unknown kind(99), perhaps of a newer version"},
		{"no name", schema(1, 1, u8("", 0)), "not a Go identifier"},
		{"space in name", schema(1, 1, u8("A B", 0)), "not a Go identifier"},
		{"escape in name", schema(1, 1, u8("A\x1b[2J", 0)), `"A\x1b[2J" is not a Go identifier`},
		{"digit first", schema(1, 1, u8("1A", 0)), "not a Go identifier"},
		{"digit after dot", schema(1, 1, u8("A.1", 0)), "not a Go identifier"},
		{"dot last", schema(1, 1, u8("A.", 0)), "not a Go identifier"},
		{"dots", schema(1, 1, u8("A..B", 0)), "not a Go identifier"},
		{"not UTF-8", schema(1, 1, u8("A\xff", 0)), `"A\xff" is not a Go identifier`},
		{"long name", schema(1, 1, u8(strings.Repeat("A", MaxName+1), 0)), "beyond its limit 255"},
		{"same name twice", schema(2, 1, u8("A", 0), u8("A", 1)), "two fields A"},
		{"outside", schema(1, 1, u8("A", 1)), "field A at 1 with 1 bytes ends beyond 1"},
		{"far outside", schema(1, 1, u8("A", MaxSize)), "ends beyond 1"},
		{"array outside", schema(4, 1, Field{Name: "A", Kind: KindUint8, Size: 5, Count: 5}), "ends beyond 4"},
		{"huge array", numbers(1, 8, 8, 1, uint64(KindUint64), 0, MaxSize, 1, 'A'), "8388608 bytes, the limit is 1048576"},
		{"overlap", schema(4, 2, Field{Name: "A", Kind: KindInt16, Size: 2}, u8("B", 1)), "field B at 1 begins before 2"},
		{"out of order", schema(2, 1, u8("A", 1), u8("B", 0)), "field B at 0 begins before 2"},
		{"not aligned", schema(8, 4, Field{Name: "A", Kind: KindUint32, Offset: 2, Size: 4}), "uint32 at 2 is not aligned to 4"},
		{"string of 0", schema(4, 2, Field{Name: "A", Kind: KindString}), "0 bytes in 1 elements"},
		{"string of 2", schema(4, 2, Field{Name: "A", Kind: KindString, Size: 2}), "string of 2 bytes"},
		{"odd bytes", schema(8, 2, Field{Name: "A", Kind: KindBytes, Size: 5}), "bytes of 5 bytes"},
		{"string too long", schema(MaxSize, 2, Field{Name: "A", Kind: KindString, Size: 1<<16 + 2}), "string of 65538 bytes"},
		{"struct that is no array", schema(1, 1, array(Field{Name: "A"}, 1, 0, u8("B", 0))), "without elements or fields"},
		{"struct without fields", schema(1, 1, array(Field{Name: "A"}, 1, 1)), "without elements or fields"},
		{"struct of 0 bytes", schema(1, 1, array(Field{Name: "A"}, 0, 1, u8("B", 0))), "0 bytes in 1 elements"},
		{"element outside", schema(4, 1, array(Field{Name: "A"}, 4, 2, u8("B", 2))), "field A: field B at 2 with 1 bytes ends beyond 2"},
		{"element not aligned", schema(6, 2, array(Field{Name: "A"}, 6, 2, Field{Name: "B", Kind: KindUint16, Size: 2})), "not aligned to 2"},
		{"no name in struct", schema(2, 1, array(Field{Name: "A"}, 2, 1, u8("", 0), u8("B", 1))), "not a Go identifier"},
		{"no name on a value", schema(1, 1, array(Field{Name: "A"}, 1, 1, u8("", 0))), "not a Go identifier"},
		{"array smaller than element", schema(2, 1, array(Field{Name: "A"}, 2, 1, Field{Kind: KindInt8, Size: 1, Count: 1})), "not a Go identifier"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ParseSchema(c.schema)
			require.ErrorIs(t, err, ErrSchema)
			assert.ErrorContains(t, err, c.want)
			assert.Nil(t, l)
		})
	}
}

// Counts in a schema are promises; only bytes that are there may cost memory.
func TestParseSchemaAllocatesInProportion(t *testing.T) {
	b := []byte{schemaVersion, 8, 8}
	b = binary.AppendUvarint(b, MaxFields)
	b = append(b, byte(KindUint8), 0, 0, 1, 'A')
	const runs = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		_, err := ParseSchema(b)
		require.ErrorIs(t, err, ErrSchema)
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/runs, uint64(16<<10), "room for all fields is 64 KiB")
}

func FuzzParseSchema(f *testing.F) {
	f.Add(layoutOf[struct{}](f).AppendSchema(nil))
	f.Add(layoutOf[leg](f).AppendSchema(nil))
	f.Add(layoutOf[callEvent](f).AppendSchema(nil))
	event := layoutOf[callEvent](f)
	f.Fuzz(func(t *testing.T, schema []byte) {
		l, err := ParseSchema(schema)
		if err != nil {
			require.ErrorIs(t, err, ErrSchema)
			return
		}
		require.Equal(t, schema, l.AppendSchema(nil), "a layout has one schema")
		require.GreaterOrEqual(t, l.Padding, 0)
		require.LessOrEqual(t, l.Padding, l.Size)
		require.NotEmpty(t, l.String())
		require.Empty(t, l.Diff(l))
		require.Equal(t, l.Fingerprint == event.Fingerprint, len(event.Diff(l)) == 0)
	})
}
