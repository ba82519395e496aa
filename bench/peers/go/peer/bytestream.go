package peer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

const (
	// kernelBuffer is asked for in pipes and sockets, as much as an ordinary
	// user gets by default.
	kernelBuffer = 1 << 20
	// readMost is what a reader takes in one call, at most; and what packed
	// publishers collect before they write.
	readMost   = 64 << 10
	packedMost = 32 << 10
)

// pipePeer is a pipe to each subscriber.
var pipePeer = &Go{
	Peer: proto.Peer{
		Name: "pipe", Language: "Go", Version: goVersion(), Workloads: streams,
		Batch: "one write to each subscriber; readers take up to 64 KiB",
	},
	wire: func(c proto.Config) (Wiring, error) { return wirePairs(c, newPipe) },
	open: func(c proto.Config, files []*os.File) (Ends, error) {
		return openFiles(c, files, bytePublisher(0), byteSubscriber(c.Size))
	},
}

// unixStream is a Unix stream socket to each subscriber.
var unixStream = &Go{
	Peer: proto.Peer{
		Name: "unix-stream", Language: "Go", Version: goVersion(), Workloads: streams,
		Batch: "one write to each subscriber; readers take up to 64 KiB",
	},
	wire: wireStreams,
	open: func(c proto.Config, files []*os.File) (Ends, error) {
		return openFiles(c, files, bytePublisher(0), byteSubscriber(c.Size))
	},
}

// unixPacked is the same, with events held back until 32 KiB are together: the
// most a stream can do, and the longest wait.
var unixPacked = &Go{
	Peer: proto.Peer{
		Name: "unix-packed", Language: "Go", Version: goVersion(), Workloads: []string{proto.Seed, proto.Fanout},
		Batch: "events wait until 32 KiB are together, also those published one by one",
	},
	wire: wireStreams,
	open: func(c proto.Config, files []*os.File) (Ends, error) {
		return openFiles(c, files, bytePublisher(packedMost), byteSubscriber(c.Size))
	},
}

// unixSeqpacket is a Unix socket that keeps the borders of messages.
var unixSeqpacket = &Go{
	Peer: proto.Peer{
		Name: "unix-seqpacket", Language: "Go", Version: goVersion(), Workloads: streams,
		Batch: "packed into one message to each subscriber",
	},
	wire: func(c proto.Config) (Wiring, error) {
		return wirePairs(c, func() (pair, error) { return newSocketPair(unix.SOCK_SEQPACKET) })
	},
	open: func(c proto.Config, files []*os.File) (Ends, error) {
		return openFiles(c, files, bytePublisher(0), byteSubscriber(c.Size))
	},
}

func wireStreams(c proto.Config) (Wiring, error) {
	return wirePairs(c, func() (pair, error) { return newSocketPair(unix.SOCK_STREAM) })
}

func newPipe() (pair, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return pair{}, os.NewSyscallError("pipe2", err)
	}
	// Refused where the administrator allows less; then it keeps the 64 KiB it has.
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, kernelBuffer)
	return pair{os.NewFile(uintptr(fds[1]), "pipe to write"), os.NewFile(uintptr(fds[0]), "pipe to read")}, nil
}

func newSocketPair(kind int) (pair, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return pair{}, os.NewSyscallError("socketpair", err)
	}
	p := pair{os.NewFile(uintptr(fds[0]), "socket to write"), os.NewFile(uintptr(fds[1]), "socket to read")}
	for _, fd := range fds {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, kernelBuffer); err != nil {
			return pair{}, errors.Join(os.NewSyscallError("setsockopt", err), p.write.Close(), p.read.Close())
		}
	}
	return p, nil
}

// bytePublisher writes to all files: at once, or what has come together when it
// is at least collect bytes.
func bytePublisher(collect int) func([]*os.File) Publisher {
	return func(files []*os.File) Publisher { return &fileWriter{files: files, collect: collect} }
}

type fileWriter struct {
	files   []*os.File
	collect int
	own     []byte
	held    int
}

func (p *fileWriter) Publish(w *event.Writer, n int) error {
	if need := p.held + n*w.Size; len(p.own) < need {
		grown := make([]byte, need+p.collect)
		copy(grown, p.own[:p.held])
		p.own = grown
	}
	p.held += w.Pack(p.own[p.held:], n)
	if p.held < p.collect {
		return nil
	}
	return p.Flush()
}

func (p *fileWriter) Flush() error {
	if p.held == 0 {
		return nil
	}
	for _, f := range p.files {
		if _, err := f.Write(p.own[:p.held]); err != nil {
			return err
		}
	}
	p.held = 0
	return nil
}

func (p *fileWriter) Close() error { return nil }

func byteSubscriber(size int) func(*os.File) Subscriber {
	return func(f *os.File) Subscriber { return &fileReader{f, size} }
}

type fileReader struct {
	file *os.File
	size int
}

// Run reads as much as there is; an event may come in two parts.
func (s *fileReader) Run(see func([]byte) bool) error {
	buf := make([]byte, readMost)
	for held := 0; ; {
		n, err := s.file.Read(buf[held:])
		if errors.Is(err, io.EOF) {
			return errEnded
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		held += n
		whole := held - held%s.size
		if whole == 0 {
			continue
		}
		if !event.Each(buf[:whole], s.size, see) {
			return nil
		}
		held = copy(buf, buf[whole:held])
	}
}

func (s *fileReader) Close() error { return nil }
