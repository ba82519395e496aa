package shm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// The header is the first page of a region. It is written once, before the region has a name, and never again, so
// that one checksum can cover all of it; what changes lives behind it. Numbers are little-endian.
//
//	      0        2        4        6        8                                16
//	   0  | magic                              | major  | minor  | compat | 0    |
//	  16  | checksum        | length of meta   | size of the region in bytes      |
//	  32  | id                                                                    |
//	  48  | created, ns since 1970             | 0                                |
//	  64  | meta, at most MaxMeta bytes, then zeros                               |
//	4096  | the body: whatever Init laid out                                      |
//
// checksum is the CRC-32C of bytes [0,16) and [20,4096).
const (
	// HeaderSize is the part of a region that belongs to this package. What a caller lays out begins there.
	HeaderSize = 4096
	// MaxMeta is the longest description that a header holds.
	MaxMeta = HeaderSize - offMeta

	offMagic    = 0
	offMajor    = 8
	offMinor    = 10
	offCompat   = 12
	offChecksum = 16
	offMetaLen  = 20
	offSize     = 24
	offID       = 32
	offCreated  = 48
	offMeta     = 64

	// magic has a byte beyond ASCII and both line ends, so that a transfer as text breaks it visibly.
	magic = "\x93SHMB\r\n\x1a"

	// major changes when older programs would misread a region, minor when something was added.
	major, minor = 1, 0
	// compat is the oldest minor version that can use what this release makes.
	compat = 0
)

// A compile-time error here means that the fields do not follow one another.
var (
	_ = [1]struct{}{}[offMajor-offMagic-len(magic)]
	_ = [1]struct{}{}[offID+16-offCreated]
	_ = [1]struct{}{}[offMeta+MaxMeta-HeaderSize]
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Version is the version of a region's layout.
type Version struct{ Major, Minor uint16 }

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// header is the decoded first page.
type header struct {
	version Version
	compat  uint16
	size    int64
	id      [16]byte
	created time.Time
	meta    []byte
}

// encode returns the page that stands for h, whose meta must fit.
func (h *header) encode() []byte {
	page := make([]byte, HeaderSize)
	le := binary.LittleEndian
	copy(page[offMagic:], magic)
	le.PutUint16(page[offMajor:], h.version.Major)
	le.PutUint16(page[offMinor:], h.version.Minor)
	le.PutUint16(page[offCompat:], h.compat)
	le.PutUint32(page[offMetaLen:], uint32(len(h.meta)))
	le.PutUint64(page[offSize:], uint64(h.size))
	copy(page[offID:], h.id[:])
	le.PutUint64(page[offCreated:], uint64(h.created.UnixNano()))
	copy(page[offMeta:], h.meta)
	le.PutUint32(page[offChecksum:], checksum(page))
	return page
}

func checksum(page []byte) uint32 {
	sum := crc32.Update(0, castagnoli, page[:offChecksum])
	return crc32.Update(sum, castagnoli, page[offMetaLen:HeaderSize])
}

// otherVersion is what to do about a region of another version.
const otherVersion = "build the programs that share a region from releases of one layout, or end them all, remove the region by force and start anew"

// parseHeader decodes a private copy of a region's first page, shorter if the file is. The order of the checks is that
// of what can be trusted: no field but the major version before the checksum, and not even that without the magic.
func parseHeader(page []byte) (header, error) {
	var h header
	if !bytes.HasPrefix(page, []byte(magic)) {
		return h, ErrForeign
	}
	if len(page) < HeaderSize {
		return h, fmt.Errorf("%w: it ends within the header, at %d of %d bytes", ErrCorrupt, len(page), HeaderSize)
	}
	page = page[:HeaderSize]
	le := binary.LittleEndian
	h.version = Version{le.Uint16(page[offMajor:]), le.Uint16(page[offMinor:])}
	if h.version.Major != major {
		return h, fmt.Errorf("%w: it is %v, this program needs %d.x; %s", ErrVersion, h.version, major, otherVersion)
	}
	if got, want := checksum(page), le.Uint32(page[offChecksum:]); got != want {
		return h, fmt.Errorf("%w: header checksum is %08x, should be %08x", ErrCorrupt, got, want)
	}
	if h.compat = le.Uint16(page[offCompat:]); h.compat > minor {
		return h, fmt.Errorf("%w: it is %v and needs programs of %d.%d or later, this one is %d.%d; %s",
			ErrVersion, h.version, major, h.compat, major, minor, otherVersion)
	}
	size, metaLen := le.Uint64(page[offSize:]), le.Uint32(page[offMetaLen:])
	if size <= HeaderSize || size > math.MaxInt {
		return h, fmt.Errorf("%w: header says %d bytes", ErrCorrupt, size)
	}
	if metaLen > MaxMeta {
		return h, fmt.Errorf("%w: header says %d bytes of description, at most %d fit", ErrCorrupt, metaLen, MaxMeta)
	}
	h.size = int64(size)
	h.created = time.Unix(0, int64(le.Uint64(page[offCreated:])))
	h.id = [16]byte(page[offID:])
	h.meta = bytes.Clone(page[offMeta : offMeta+int(metaLen)])
	return h, nil
}
