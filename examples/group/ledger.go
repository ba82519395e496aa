package main

import (
	"encoding/binary"
	"fmt"
	"os"
)

// ledger is a file to which all members append what they handle. Each entry is
// one write at the end of the file, so that its order is that in which the events
// were handled, whoever did.
type ledger struct{ file *os.File }

// entrySize is the size of an entry: key, number within the key, process.
const entrySize = 24

func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &ledger{f}, nil
}

func (l *ledger) append(key, seq uint64) error {
	var b [entrySize]byte
	binary.LittleEndian.PutUint64(b[0:], key)
	binary.LittleEndian.PutUint64(b[8:], seq)
	binary.LittleEndian.PutUint64(b[16:], uint64(os.Getpid()))
	_, err := l.file.Write(b[:])
	return err
}

func (l *ledger) close() error { return l.file.Close() }

// entries is how many there are.
func (l *ledger) entries() (int, error) {
	info, err := l.file.Stat()
	if err != nil {
		return 0, err
	}
	return int(info.Size() / entrySize), nil
}

// result is what a ledger says.
type result struct {
	entries int
	keys    int
	each    int // events of each key, handled in order
	twice   int // events that came again after the death of who had them
}

// check reads the ledger. It fails if the events of a key are out of order, if one
// is missing, or if one came twice that was not first handled by a process that was
// killed.
func (l *ledger) check(keys, each int, killed map[int]bool) (result, error) {
	content, err := os.ReadFile(l.file.Name())
	if err != nil {
		return result{}, err
	}
	r := result{entries: len(content) / entrySize, keys: keys, each: each}
	type event struct{ key, seq uint64 }
	by := make(map[event]int, keys*each)
	next := make(map[uint64]uint64, keys)
	for ; len(content) >= entrySize; content = content[entrySize:] {
		le := binary.LittleEndian
		e, pid := event{le.Uint64(content), le.Uint64(content[8:])}, int(le.Uint64(content[16:]))
		switch n := next[e.key]; {
		case e.seq > n:
			return r, fmt.Errorf("key %d: event %d was handled where %d was due", e.key, e.seq, n)
		case e.seq == n:
			next[e.key]++
		case !killed[by[e]]:
			return r, fmt.Errorf("key %d: event %d was handled twice, first by process %d, which was not killed", e.key, e.seq, by[e])
		default:
			r.twice++
		}
		by[e] = pid
	}
	for key := range uint64(keys) {
		if next[key] != uint64(each) {
			return r, fmt.Errorf("key %d: %d of %d events were handled", key, next[key], each)
		}
	}
	return r, nil
}
