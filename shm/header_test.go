package shm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sampleHeader() header {
	return header{
		version: Version{major, minor}, compat: compat, size: 48 << 20, id: [16]byte{1, 2, 3, 15: 16},
		created: time.Unix(1700000000, 123456789), meta: []byte("geometry"),
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	for _, meta := range [][]byte{nil, {0}, []byte("geometry"), bytes.Repeat([]byte{0xff}, MaxMeta)} {
		h := sampleHeader()
		h.meta = meta
		page := h.encode()
		require.Len(t, page, HeaderSize)
		got, err := parseHeader(page)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(meta, got.meta))
		got.meta, h.meta = nil, nil
		assert.Equal(t, h, got)
	}
}

// The layout is a promise to other releases: it may not move without a new version.
func TestHeaderLayout(t *testing.T) {
	h := sampleHeader()
	page := h.encode()
	want := make([]byte, HeaderSize)
	copy(want, "\x93SHMB\r\n\x1a\x01\x00\x00\x00\x00\x00\x00\x00")
	copy(want[20:], "\x08\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00")
	copy(want[32:], "\x01\x02\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10")
	binary.LittleEndian.PutUint64(want[48:], 1700000000123456789)
	copy(want[64:], "geometry")
	copy(want[16:20], page[16:20]) // the checksum is held against its definition elsewhere
	assert.Equal(t, want, page)
}

func TestAFlippedBitOfAnyByteIsNoticed(t *testing.T) {
	h := sampleHeader()
	page := h.encode()
	for i := range page {
		bit := byte(1) << (i % 8)
		page[i] ^= bit
		_, err := parseHeader(page)
		page[i] ^= bit
		if !errors.Is(err, ErrForeign) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d, bit %#02x: %v", i, bit, err)
		}
	}
}

func TestParseHeaderErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(page []byte)
		want   error
	}{
		{"magic", func(p []byte) { p[0] = 'x' }, ErrForeign},
		{"older major", func(p []byte) { p[offMajor] = major - 1 }, ErrVersion},
		{"newer major", func(p []byte) { p[offMajor] = major + 1 }, ErrVersion},
		{"newer minor, still usable", func(p []byte) { p[offMinor] = 200 }, nil},
		{"newer minor, not usable", func(p []byte) { p[offMinor], p[offCompat] = 200, minor+1 }, ErrVersion},
		{"size 0", func(p []byte) { binary.LittleEndian.PutUint64(p[offSize:], 0) }, ErrCorrupt},
		{"size of the header alone", func(p []byte) { binary.LittleEndian.PutUint64(p[offSize:], HeaderSize) }, ErrCorrupt},
		{"size that is negative", func(p []byte) { binary.LittleEndian.PutUint64(p[offSize:], 1<<63) }, ErrCorrupt},
		{"meta too long", func(p []byte) { binary.LittleEndian.PutUint32(p[offMetaLen:], 1<<31) }, ErrCorrupt},
		{"unknown bytes", func(p []byte) { p[offCreated+8] = 1 }, nil}, // of a newer minor version
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sampleHeader()
			page := h.encode()
			tt.change(page)
			binary.LittleEndian.PutUint32(page[offChecksum:], checksum(page))
			_, err := parseHeader(page)
			require.ErrorIs(t, err, tt.want)
		})
	}
}

// Invariants on any bytes: no panic; what is accepted has a right checksum, a size and a description within bounds,
// and says the same again when encoded.
func FuzzParseHeader(f *testing.F) {
	h := sampleHeader()
	head := h.encode()[:offMeta+len(h.meta)]
	f.Add(head, uint16(HeaderSize), false)
	f.Add(head, uint16(HeaderSize), true)
	f.Add(head, uint16(100), true)
	f.Add([]byte(magic), uint16(0), false)
	// The rest of a page is zeros: short inputs keep the fuzzer quick.
	f.Fuzz(func(t *testing.T, head []byte, length uint16, fix bool) {
		page := make([]byte, max(len(head), int(length)%(HeaderSize+10)))
		copy(page, head)
		if fix && len(page) >= HeaderSize {
			// Without the right magic, version and checksum hardly anything behind them would ever be reached.
			copy(page, magic)
			binary.LittleEndian.PutUint16(page[offMajor:], major)
			binary.LittleEndian.PutUint32(page[offChecksum:], checksum(page))
		}
		h, err := parseHeader(page)
		if err != nil {
			if !errors.Is(err, ErrForeign) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		if sum := binary.LittleEndian.Uint32(page[offChecksum:]); sum != checksum(page) {
			t.Fatalf("accepted checksum %08x", sum)
		}
		if h.size <= HeaderSize || len(h.meta) > MaxMeta || h.version.Major != major || h.compat > minor {
			t.Fatalf("accepted %+v", h)
		}
		again, err := parseHeader(h.encode())
		if err != nil || again.id != h.id || again.size != h.size || !bytes.Equal(again.meta, h.meta) || !again.created.Equal(h.created) {
			t.Fatalf("%+v became %+v: %v", h, again, err)
		}
	})
}
