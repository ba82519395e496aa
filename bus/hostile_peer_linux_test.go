package bus_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/shm"
)

func init() { roles["hostile"] = hostilePeer }

// peer is a process that may write to a region and means harm. It has the file
// open and mapped behind the bus's back.
type peer struct {
	o      bus.Options
	path   string
	file   *os.File
	mem    []byte
	at     bus.Places
	parts  []part
	rng    *rand.Rand
	rounds uint64
}

// part is a stretch of words that mean the same kind of thing.
type part struct{ from, to int }

// attacks are what the peer does, round after round, until it is killed.
var attacks = map[string]func(p *peer) func(){
	"noise":    func(p *peer) func() { return func() { p.noise(200) } },
	"chosen":   (*peer).chosen,
	"header":   (*peer).header,
	"truncate": (*peer).truncate,
	"holes":    (*peer).holes,
	"replace":  (*peer).replace,
	"bells":    (*peer).bells,
	"spares":   (*peer).spares,
	"cells":    (*peer).cells,
	"types":    (*peer).types,
	"locks":    (*peer).locks,
}

// hostilePeer attacks the region "test". It says "ready" once it is at it, and
// answers any line with the number of rounds so far.
func hostilePeer(args []string) {
	s := newStage(args)
	seed, err := strconv.ParseUint(args[2], 10, 64)
	must(err)
	p := &peer{o: s.options, path: filepath.Join(s.options.Dir, "test"), rng: rand.New(rand.NewPCG(seed, 0))}
	p.file, err = os.OpenFile(p.path, os.O_RDWR, 0)
	must(err)
	st, err := p.file.Stat()
	must(err)
	p.mem, err = unix.Mmap(int(p.file.Fd()), 0, int(st.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(err)
	p.at = bus.PlacesOf(p.o.Geometry)
	p.parts = []part{
		{p.at.Bell, p.at.Participants}, {p.at.Participants, p.at.Subscribers}, {p.at.Subscribers, p.at.TypeOrder},
		{p.at.TypeOrder, p.at.TypeRecords}, {p.at.TypeRecords, p.at.Counts}, {p.at.Counts, p.at.Lanes},
	}
	for _, l := range p.at.Lane {
		p.parts = append(p.parts, part{l.Begin, l.Ports}, part{l.Ports, l.Cursors}, part{l.Cursors, l.Cells},
			part{l.Cells, l.Entries}, part{l.Entries, l.Slots}, part{l.Slots, l.End})
	}
	round := attacks[args[1]](p)
	asked := make(chan struct{})
	go func() {
		for s.in.Scan() {
			asked <- struct{}{}
		}
		os.Exit(0) // with the parent
	}()
	round()
	say("ready")
	for {
		select {
		case <-asked:
			say("%d", p.rounds)
		default:
			round()
			p.rounds++
		}
	}
}

// store writes a word, unless the page is away for the moment.
func (p *peer) store(off int, v uint64) {
	word.U64(p.mem, off&^7).Store(v)
}

func (p *peer) load(off int) uint64 { return word.U64(p.mem, off&^7).Load() }

// noise writes words at random, as many into small parts as into large ones.
func (p *peer) noise(n int) {
	for range n {
		part := p.parts[p.rng.IntN(len(p.parts))]
		off := part.from + p.rng.IntN((part.to-part.from)/8)*8
		v := p.rng.Uint64() >> (p.rng.UintN(8) * 8)
		switch p.rng.IntN(6) {
		case 0:
			v += p.load(off)
		case 1:
			v = p.load(off) ^ 1<<p.rng.UintN(64)
		case 2:
			v = p.load(part.from + p.rng.IntN((part.to-part.from)/8)*8)
		case 3:
			v = ^uint64(0) << p.rng.UintN(64)
		}
		p.store(off, v)
	}
}

// chosen writes values with a meaning into each word of the tables in turn.
func (p *peer) chosen() func() {
	values := []uint64{
		0, 1, 2, 3, 4, ^uint64(0), 1 << 63, 1<<63 - 1, 1 << 28, 1 << 18, 0x3ff << 18, 0x3ffff, 0xffff << 8, 7<<8 | 3, 3<<24 | 2<<8 | 3,
		uint64(1023)<<18 | 77, 1<<62 | 3, 0x0101010101010101, 0x00000000ffffffff, 0xffffffff00000000,
	}
	at, off := 0, 0
	return func() {
		for range 200 {
			part := p.parts[at]
			p.store(part.from+off, values[p.rng.IntN(len(values))])
			// Every word of the small parts, and a sample of the large ones.
			off += max((part.to-part.from)/1024, 8) &^ 7
			if part.from+off >= part.to {
				at, off = (at+1)%len(p.parts), 0
			}
		}
	}
}

// header writes over what is read before anything else.
func (p *peer) header() func() {
	whole := append([]byte(nil), p.mem[:p.at.Header]...)
	return func() {
		copy(p.mem, whole)
		n := 1 + p.rng.IntN(64)
		for range n {
			p.mem[p.rng.IntN(p.at.Header)] = byte(p.rng.Uint32())
		}
		if p.rng.IntN(2) == 0 {
			clear(p.mem[:8])
		}
	}
}

// truncate cuts the file off and lets it grow again, which leaves zeros.
func (p *peer) truncate() func() {
	return func() {
		to := []int64{0, int64(p.at.Header), int64(p.at.Participants), int64(p.at.Lanes), int64(p.rng.IntN(len(p.mem)))}
		must(p.file.Truncate(to[p.rng.IntN(len(to))]))
		time.Sleep(time.Duration(p.rng.IntN(3)) * time.Millisecond)
		must(p.file.Truncate(int64(len(p.mem))))
		time.Sleep(time.Duration(p.rng.IntN(3)) * time.Millisecond)
	}
}

// holes gives pages back under the feet of who uses them.
func (p *peer) holes() func() {
	return func() {
		page := int64(os.Getpagesize())
		pages := int64(len(p.mem)) / page
		from := p.rng.Int64N(pages)
		n := 1 + p.rng.Int64N(pages-from)
		err := unix.Fallocate(int(p.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from*page, n*page)
		if errors.Is(err, unix.EOPNOTSUPP) {
			say("skip: this file system cannot punch holes")
			os.Exit(0)
		}
		must(err)
		time.Sleep(time.Millisecond)
	}
}

// replace puts other things under the region's name, and the region back.
func (p *peer) replace() func() {
	aside, decoy := p.path+".aside", p.path+".decoy"
	makers := []func() error{
		func() error { return os.WriteFile(decoy, []byte("garbage"), 0o600) },
		func() error { return os.WriteFile(decoy, p.mem, 0o600) }, // its header is good
		func() error { return os.WriteFile(decoy, p.mem[:4096], 0o600) },
		func() error { return unix.Mkfifo(decoy, 0o600) },
		func() error { return os.Symlink("/dev/zero", decoy) },
		func() error { return os.Symlink(p.path, decoy) },
		func() error { return os.Mkdir(decoy, 0o700) },
		func() error { return unix.Mknod(decoy, unix.S_IFSOCK|0o600, 0) },
		func() error { return os.Link(aside, decoy) },
	}
	return func() {
		must(os.Rename(p.path, aside))
		time.Sleep(time.Duration(p.rng.IntN(300)) * time.Microsecond)
		must(makers[p.rng.IntN(len(makers))]())
		// An honest process may have made a region meanwhile: it goes.
		if err := os.Rename(decoy, p.path); err != nil {
			_ = os.RemoveAll(decoy)
		}
		time.Sleep(time.Duration(p.rng.IntN(2000)) * time.Microsecond)
		must(os.RemoveAll(p.path))
		must(os.Rename(aside, p.path))
	}
}

// bells rings every bell there is, and makes everybody ring.
func (p *peer) bells() func() {
	return func() {
		for range 50 {
			must(p.ring(p.at.Bell + 4))
			word.U32(p.mem, p.at.Bell).Store(^uint32(0))
			for off := p.at.Bell + 128; off < p.at.Participants; off += 8 {
				p.store(off, ^uint64(0))
			}
			for _, l := range p.at.Lane {
				must(p.ring(l.Begin + 256))
				for c := l.Cursors; c < l.Cells; c += 128 {
					p.store(c+16, p.rng.Uint64()|1) // somebody wants room, it says
				}
			}
			for s := p.at.Subscribers; s+256 <= p.at.TypeOrder; s += 256 {
				word.U32(p.mem, s+16).Store(1) // everybody sleeps, it says
			}
		}
	}
}

func (p *peer) ring(off int) error {
	w := word.U32(p.mem, off)
	w.Add(1)
	_, err := shm.FutexWake(word.Futex(w), 1<<30, ^uint32(0))
	return err
}

// spares takes part, and takes all there is: ports with all their slots on loan,
// subscriptions, pins, participants. What others give back it takes, too.
func (p *peer) spares() func() {
	var held []func() error
	join := func() *bus.Bus {
		b, err := bus.Open("test", &p.o)
		if err != nil {
			return nil
		}
		return b
	}
	b := join()
	if b == nil {
		must(errors.New("it cannot join"))
	}
	full := false // then it has all seats, and does not go to another region
	return func() {
		for range 4 {
			pub, err := bus.NewPublisher[tick](b, &bus.PublisherOptions{Exclusive: true, Type: bus.TypeOptions{
				Also: []bus.Priority{bus.Critical, bus.High, bus.Low},
			}})
			if err == nil {
				held = append(held, pub.Close)
				for {
					if _, err := pub.Loan(); err != nil {
						break
					}
				}
			}
			s, err := b.Subscribe(nil)
			if err == nil {
				held = append(held, s.Close)
			}
		}
		if !full {
			if other := join(); other != nil {
				held = append(held, other.Close)
			} else {
				full = true
			}
		}
		// By hand, what is left: ports of nobody are its own.
		for _, l := range p.at.Lane {
			for port := l.Ports; port < l.Cursors; port += 128 {
				word.U64(p.mem, port).CompareAndSwap(0, uint64(b.ID()+1))
			}
		}
	}
}

// cells makes ports and entries name slots that others own.
func (p *peer) cells() func() {
	return func() {
		l := p.at.Lane[p.rng.IntN(len(p.at.Lane))]
		for range 50 {
			slot := p.rng.Uint64N(1 << 18)
			if p.rng.IntN(4) > 0 {
				slot %= 64
			}
			off := l.Cells + p.rng.IntN((l.Slots-l.Cells)/8)*8
			p.store(off, p.load(off)&^0x3ffff|slot)
			port := l.Ports + p.rng.IntN((l.Cursors-l.Ports)/128)*128
			p.store(port+8, p.load(port+8)&^0x7ffff|slot<<1|p.rng.Uint64N(2))
		}
	}
}

// types registers types for ever: when the table is full, it writes new names
// over the old ones, and begins anew.
func (p *peer) types() func() {
	n := 0
	records := (p.at.Counts - p.at.TypeRecords) / 2048
	places := (p.at.TypeRecords - p.at.TypeOrder) / 8
	var whole []byte // a record of ours that is as it should be
	return func() {
		if whole == nil {
			b, err := bus.Open("test", &p.o)
			if err != nil {
				return
			}
			for i := range 1000 {
				if _, err := bus.NewPublisher[tick](b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: fmt.Sprint("flood ", i)}}); err != nil {
					if !errors.Is(err, bus.ErrTooMany) {
						say("types: %v", err)
					}
					break
				}
			}
			whole = append([]byte(nil), p.mem[p.at.TypeRecords+2048:p.at.TypeRecords+2*2048]...)
		}
		for range 20 {
			rec := p.rng.IntN(records)
			mem := p.mem[p.at.TypeRecords+rec*2048:][:2048]
			copy(mem, whole)
			name := fmt.Sprintf("type %d", n)
			mem[16] = byte(copy(mem[17:80], name))
			if p.rng.IntN(4) == 0 {
				mem[128+p.rng.IntN(200)] ^= byte(p.rng.Uint32())
			}
			if p.rng.IntN(4) == 0 {
				binary.LittleEndian.PutUint32(mem[12:], p.rng.Uint32())
			}
			p.store(p.at.TypeOrder+p.rng.IntN(places)*8, uint64(p.rng.IntN(records+2)))
			n++
		}
	}
}

// locks holds every byte of the lock file that is to be had, so that nobody can
// attach and nobody is ever found dead.
func (p *peer) locks() func() {
	entries, err := os.ReadDir(p.o.Dir)
	must(err)
	var files []*os.File
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "test.") && strings.HasSuffix(e.Name(), ".lock") {
			f, err := os.OpenFile(filepath.Join(p.o.Dir, e.Name()), os.O_RDWR, 0)
			must(err)
			files = append(files, f)
		}
	}
	return func() {
		for _, f := range files {
			for i := range int64(64) {
				p.lock(f, i, 1)
			}
			for i := int64(4096); i < 4096+1<<20; i += 1 << 14 {
				p.lock(f, i, 1<<14)
			}
			p.lock(f, p.rng.Int64N(1<<20), 1<<10)
		}
	}
}

func (p *peer) lock(f *os.File, from, n int64) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: from, Len: n}
	_ = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk)
}
