package codec

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func filledEvent(t testing.TB) []byte {
	t.Helper()
	var e callEvent
	require.NoError(t, (*String64)(&e.CallID).Set("a84b4c76e66710\x1b[2J"))
	e.Started, e.Level, e.Seq, e.Loss, e.State = -5, 1e-3, math.MaxUint32, 0.1, 3
	e.Held.Set(true)
	e.Codecs = [4]uint8{0, 8, 9, 101}
	e.From.Port = 5060
	require.NoError(t, e.From.Auth.Set([]byte{0xde, 0xad}))
	e.Grid = [2][3]int16{{1, 2, 3}, {-4, 5, 6}}
	require.NoError(t, e.Legs[1].ID.Set("leg b"))
	e.Mesh[1][0].Y = -7
	return bytes.Clone(AsBytes(&e))
}

const filledText = `{CallID:"a84b4c76e66710\x1b[2J" Started:-5 Level:0.001 Seq:4294967295 Loss:0.1 State:3 Held:true ` +
	`Codecs:0x00080965 From.Port:5060 From.Auth:0xdead Grid:[[1 2 3] [-4 5 6]] ` +
	`Legs:[{ID:"" Port:0} {ID:"leg b" Port:0}] ` +
	`Mesh:[[{X:0 Y:0} {X:0 Y:0}] [{X:0 Y:-7} {X:0 Y:0}]]}`

// A viewer has the schema only.
func TestFormat(t *testing.T) {
	l, err := ParseSchema(layoutOf[callEvent](t).AppendSchema(nil))
	require.NoError(t, err)
	b := filledEvent(t)
	assert.Equal(t, filledText, l.Format(b))
	assert.Equal(t, "event "+filledText, string(l.AppendFormat([]byte("event "), b)))
	assert.Equal(t, filledText, l.Format(append(b, 1, 2, 3)), "what follows is not the value's")
	assert.Equal(t, "{}", layoutOf[struct{}](t).Format(nil))
}

func TestFormatShortBytes(t *testing.T) {
	l, b := layoutOf[callEvent](t), filledEvent(t)
	assert.Equal(t, `{CallID:? Started:? Level:? Seq:? Loss:? State:? Held:? Codecs:? From.Port:? From.Auth:? `+
		`Grid:[[? ? ?] [? ? ?]] Legs:[{ID:? Port:?} {ID:? Port:?}] Mesh:[[{X:? Y:?} {X:? Y:?}] [{X:? Y:?} {X:? Y:?}]]}`,
		l.Format(nil))
	assert.Contains(t, l.Format(b[:93]), "State:3 Held:true Codecs:? From.Port:?")
	assert.Contains(t, l.Format(b[:116]), "Grid:[[1 2 ?] [? ? ?]]")
	end := l.Size - 4 // what follows is padding
	assert.Equal(t, filledText, l.Format(b[:end]))
	assert.Contains(t, l.Format(b[:end-1]), "{X:0 Y:-7} {X:0 Y:?}]]}")
	for n := range end {
		assert.NotEqual(t, filledText, l.Format(b[:n]))
	}
}

func TestFormatIsBounded(t *testing.T) {
	long := layoutOf[struct {
		Raw  [1000]uint8
		Nums [1000]uint16
	}](t)
	assert.Equal(t, "{Raw:0x"+strings.Repeat("00", 64)+"… Nums:["+strings.Repeat("0 ", 64)+"…]}",
		long.Format(make([]byte, long.Size)))

	text := &Layout{Size: 1 << 10, Align: 2, Fields: []Field{{Name: "S", Kind: KindString, Size: 1 << 10}}}
	text, err := ParseSchema(text.AppendSchema(nil))
	require.NoError(t, err)
	assert.Equal(t, `{S:"`+strings.Repeat("x", 256)+`"…}`,
		text.Format(append([]byte{0xff, 3}, bytes.Repeat([]byte("x"), 1<<10-2)...)))

	wide := layoutOf[struct {
		A [64][64][64]struct{ LongNameThatFillsTheResult uint8 }
		B uint8
	}](t)
	got := wide.Format(make([]byte, wide.Size))
	assert.Less(t, len(got), maxFormat+100)
	assert.True(t, strings.HasSuffix(got, "{LongNameThatFillsTheResult:0} …] …] …] …}"), got[len(got)-60:])
}

func TestWalk(t *testing.T) {
	l, b := layoutOf[callEvent](t), filledEvent(t)
	got := make(map[string]any)
	var order []string
	for path, v := range l.Walk(b) {
		got[path] = v
		order = append(order, path)
	}
	assert.Len(t, order, len(got), "no path comes twice")
	assert.Equal(t, []string{"CallID", "Started", "Level"}, order[:3])
	for path, want := range map[string]any{
		"CallID": "a84b4c76e66710\x1b[2J", "Started": int64(-5), "Level": 1e-3, "Seq": uint64(math.MaxUint32),
		"Loss": float32(0.1), "State": uint64(3), "Held": true, "Codecs": []byte{0, 8, 9, 101},
		"From.Auth": []byte{0xde, 0xad}, "Grid[1][0]": int64(-4), "Legs[0].ID": "", "Legs[1].ID": "leg b",
		"Mesh[1][0].Y": int64(-7),
	} {
		assert.Equal(t, want, got[path], path)
	}

	for n := range order { // a consumer may stop anywhere
		for path := range l.Walk(b) {
			if path == order[n] {
				break
			}
		}
	}
	for _, v := range l.Walk(nil) {
		assert.Nil(t, v)
	}
}

func TestWalkCopies(t *testing.T) {
	l, b := layoutOf[struct{ Raw [4]uint8 }](t), []byte{1, 2, 3, 4}
	for _, v := range l.Walk(b) {
		clear(b)
		assert.Equal(t, []byte{1, 2, 3, 4}, v)
	}
}

func FuzzFormat(f *testing.F) {
	schema := layoutOf[callEvent](f).AppendSchema(nil)
	f.Add(schema, filledEvent(f))
	f.Add(schema, []byte{})
	f.Add(layoutOf[sample](f).AppendSchema(nil), bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, schema, b []byte) {
		l, err := ParseSchema(schema)
		if err != nil {
			return
		}
		s := l.Format(b)
		require.Less(t, len(s), maxFormat+(4<<10))
		require.True(t, utf8.ValidString(s))
		require.False(t, strings.ContainsFunc(s, unicode.IsControl), "it goes to a terminal")
		n := 0
		for path, v := range l.Walk(b) {
			require.NotEmpty(t, path)
			if len(b) >= l.Size {
				require.NotNil(t, v, path)
			}
			n++
		}
		require.LessOrEqual(t, n, l.Size)
	})
}
