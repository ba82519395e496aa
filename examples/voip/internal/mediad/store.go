package mediad

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"github.com/edsrzf/mmap-go"
	"github.com/rvoip/shmbus/codec"
)

// store keeps the totals and the live calls where they survive the process.
//
// The file is an array of cells. A cell holds two copies of a record, each
// with a generation and a checksum; saving writes the older copy. So whenever the process
// is killed, one copy is whole, and the newer whole one counts: as the meta pages of many
// a database. No system call is made to save, and none is needed: the page cache outlives
// a process (not a machine; nor do the calls).
//
//	0        64               64+cell
//	┌────────┬────────────────┬────────┬────────┬──
//	│ header │ totals         │ call 1 │ call 2 │ …
//	└────────┴────────────────┴────────┴────────┴──
//	cell: ┌ generation u64 │ crc u32 │ used u32 │ record ┐ twice
//
// A nil store saves nothing.
type store struct {
	mem  mmap.MMap
	gens []uint64
	free []int // cells of calls
}

const (
	storeMagic  = "mediad state 2\n\x00"
	headerSize  = 64
	copyHeader  = 16
	recordSize  = 448
	copySize    = copyHeader + recordSize
	cellSize    = 2 * copySize
	totalsCell  = 0
	storedCalls = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openStore opens or begins the state file for the region with this identity, with room for so many calls. It
// returns what is there: totals is nil if that is nothing. State that belongs to another region counts positions
// of another ring, and is dropped.
func openStore(path, region string, room int) (s *store, t *totals, calls map[int]*call, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("state file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size := headerSize + cellSize*(1+room)
	header := make([]byte, headerSize)
	copy(header, storeMagic)
	binary.LittleEndian.PutUint64(header[16:], codec.Hash(region))
	binary.LittleEndian.PutUint64(header[24:], uint64(size))
	if !hasHeader(f, header, size) {
		// Zeros are written rather than skipped: a full disk is an error now, not a fault at some store later.
		blank := make([]byte, size)
		copy(blank, header)
		if err := errors.Join(f.Truncate(0), writeAt(f, blank)); err != nil {
			return nil, nil, nil, fmt.Errorf("state file %s: %w", path, err)
		}
	}
	mem, err := mmap.MapRegion(f, size, mmap.RDWR, 0, 0)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("state file %s: %w", path, err)
	}
	s = &store{mem: mem, gens: make([]uint64, 1+room)}
	t, calls = s.load()
	return s, t, calls, nil
}

func hasHeader(f *os.File, header []byte, size int) bool {
	got := make([]byte, len(header))
	if _, err := f.ReadAt(got, 0); err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Size() == int64(size) && string(got) == string(header)
}

func writeAt(f *os.File, p []byte) error {
	_, err := f.WriteAt(p, 0)
	return err
}

func (s *store) close() error {
	if s == nil {
		return nil
	}
	return s.mem.Unmap()
}

func (s *store) load() (t *totals, calls map[int]*call) {
	calls = make(map[int]*call)
	for i := range s.gens {
		record, gen, used := s.newest(i)
		s.gens[i] = gen
		switch {
		case i == totalsCell:
			if used {
				t = load[totals](record)
			}
		case used:
			calls[i] = load[call](record)
		default:
			s.free = append(s.free, i)
		}
	}
	return t, calls
}

// load copies a record out of the file.
func load[T any](record []byte) *T {
	v := new(T)
	copy(codec.AsBytes(v), record)
	return v
}

// newest returns the newer whole copy of cell i, of generation 0 if there is none.
func (s *store) newest(i int) (record []byte, gen uint64, used bool) {
	for half := range uint64(2) {
		c := s.half(i, half)
		g := binary.LittleEndian.Uint64(c)
		if g > gen && binary.LittleEndian.Uint32(c[8:]) == checksum(c) {
			record, gen, used = c[copyHeader:], g, binary.LittleEndian.Uint32(c[12:]) != 0
		}
	}
	return record, gen, used
}

// half returns the copy of cell i that generations of this parity are kept in.
func (s *store) half(i int, gen uint64) []byte {
	from := headerSize + i*cellSize + int(gen&1)*copySize
	return s.mem[from : from+copySize : from+copySize]
}

func checksum(c []byte) uint32 {
	sum := crc32.Update(0, castagnoli, c[:8])
	return crc32.Update(sum, castagnoli, c[12:])
}

// save stores record in cell i.
func (s *store) save(i int, record []byte) { s.write(i, record, 1) }

// take returns a cell for a call. It is not ok if all are in use.
func (s *store) take() (i int, ok bool) {
	if s == nil || len(s.free) == 0 {
		return 0, false
	}
	i = s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	return i, true
}

// give takes a call's cell back.
func (s *store) give(i int) {
	s.write(i, nil, 0)
	s.free = append(s.free, i)
}

func (s *store) write(i int, record []byte, used uint32) {
	s.gens[i]++
	c := s.half(i, s.gens[i])
	binary.LittleEndian.PutUint64(c, s.gens[i])
	binary.LittleEndian.PutUint32(c[12:], used)
	copy(c[copyHeader:], record)
	binary.LittleEndian.PutUint32(c[8:], checksum(c))
}
