package bus_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	roles["limited"] = limited
	roles["old kernel"] = oldKernel
}

// tmpfs mounts a file system of that size for the test.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	needRoot(t, "mounts a small file system")
	dir := t.TempDir()
	if err := unix.Mount("bus-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("cannot mount a tmpfs here, which needs root outside of most containers: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fillUp leaves not a page free on a file system.
func fillUp(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	require.NoError(t, err)
	defer f.Close()
	_, err = io.Copy(f, zeros{})
	require.ErrorIs(t, err, unix.ENOSPC)
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	require.Zero(t, st.Bavail)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// A region has all its memory from the start: that the file system is full
// afterwards is nothing to whoever uses it, up to the last byte.
func TestFullFileSystemAfterCreation(t *testing.T) {
	dir := tmpfs(t, "4m")
	o := bus.Options{Dir: dir, Geometry: small()}
	b := open(t, dir, o)
	fillUp(t, dir)

	// Everything that was never touched before: slots, records, types, counts.
	again := open(t, dir, o)
	for i := range 3 * capacity {
		for _, p := range []*bus.Bus{b, again} {
			pub, err := bus.NewPublisher[crumb](p, &bus.PublisherOptions{Type: bus.TypeOptions{Name: fmt.Sprint("type ", i%12)}})
			require.NoError(t, err)
			require.NoError(t, pub.TryPublish(&crumb{}))
		}
	}
	pub := newPub[tick](t, b, nil)
	publishTicks(t, pub, 0, capacity)
	requireTicks(t, newSub[tick](t, again, &bus.SubscribeOptions{Start: bus.StartOldest}), 0, capacity)
	for i := range 4 {
		newSub[tick](t, again, &bus.SubscribeOptions{Durable: fmt.Sprint("durable ", i), Window: 1})
		newSub[tick](t, b, &bus.SubscribeOptions{Group: "work", Window: 1})
	}
	require.NoError(t, b.Check())
	_, err := b.Snapshot()
	require.NoError(t, err)

	// What is new needs room, and says how much.
	_, err = bus.OpenStatic[tick](b, "ring", nil)
	require.ErrorIs(t, err, bus.ErrNoSpace)
	require.ErrorContains(t, err, "0 of 4194304 free in "+dir)
	_, err = bus.Open("another", &bus.Options{Dir: dir, Geometry: small()})
	require.ErrorIs(t, err, bus.ErrNoSpace)
	assert.Len(t, names(t, dir), 3, "the region, its lock file and the ballast: nothing half made is left")
	require.NoError(t, pub.Close(), "and nothing else is disturbed")
}

// A container has 64 MB of /dev/shm unless somebody says otherwise: the default
// geometry fits, with a static ring, every page of it; a second region is told what
// is missing.
func TestContainerOf64MB(t *testing.T) {
	dir := tmpfs(t, "64m")
	o := bus.Options{Dir: dir}
	b := open(t, dir, o)
	ring, err := bus.OpenStatic[tick](b, "ticks", nil)
	require.NoError(t, err)
	require.NoError(t, ring.Close())
	s := scribble(t, filepath.Join(dir, "test"))
	sum := byte(0)
	for i := 0; i < len(s.mem); i += os.Getpagesize() {
		sum += s.mem[i] // each page is there
	}
	_ = sum
	pub := newPub[tick](t, b, nil)
	require.Equal(t, 16384, func() int { newSub[tick](t, b, nil); return fill(t, pub, 0) }())

	_, err = bus.Open("second", &o)
	require.ErrorIs(t, err, bus.ErrNoSpace)
	for _, what := range []string{"bytes wanted", "of 67108864 free in " + dir, "--shm-size", "SHMBUS_DIR"} {
		assert.ErrorContains(t, err, what)
	}
	o.Geometry = small()
	little, err := bus.Open("second", &o)
	require.NoError(t, err, "a smaller one fits")
	require.NoError(t, little.Close())
}

// limited LIMIT N: opens, uses and closes a region under a limit of its process.
func limited(args []string) {
	s := newStage(args)
	n, err := strconv.ParseUint(args[2], 10, 64)
	must(err)
	limit := map[string]int{"nofile": unix.RLIMIT_NOFILE, "memlock": unix.RLIMIT_MEMLOCK, "as": unix.RLIMIT_AS, "fsize": unix.RLIMIT_FSIZE}[args[1]]
	if args[1] == "memlock" { // root may lock what it likes
		must(syscall.Setgroups(nil))
		must(syscall.Setresgid(otherUser, otherUser, otherUser))
		must(syscall.Setresuid(otherUser, otherUser, otherUser))
	}
	time.Sleep(time.Millisecond) // the runtime makes descriptors for its first timer, and ends the process if it cannot
	must(unix.Setrlimit(limit, &unix.Rlimit{Cur: n, Max: n}))
	err = func() error {
		b, err := bus.Open("test", &s.options)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		sub, err := bus.Subscribe[tick](b, nil)
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		pub, err := bus.NewPublisher[tick](b, nil)
		if err != nil {
			return fmt.Errorf("publisher: %w", err)
		}
		if err := pub.Publish(background(), &tick{}); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if _, err := sub.Receive(background()); err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		return b.Close()
	}()
	kind := "other"
	switch {
	case err == nil:
		kind = "none"
	case errors.Is(err, syscall.EMFILE):
		kind = "EMFILE"
	case errors.Is(err, syscall.ENOMEM):
		kind = "ENOMEM"
	case errors.Is(err, syscall.EFBIG):
		kind = "EFBIG"
	}
	say("%s: %v", kind, err)
}

func underLimit(t *testing.T, o bus.Options, limit string, n int) (kind, text string) {
	t.Helper()
	kind, text, _ = strings.Cut(start(t, "limited", o, limit, strconv.Itoa(n)).hear(), ": ")
	return kind, text
}

// However few files a process may open, creating and joining either work or say
// which limit is in the way; and nothing is left half done.
func TestFewDescriptors(t *testing.T) {
	o := bus.Options{Dir: t.TempDir(), Geometry: small()}
	for _, what := range []string{"create", "join"} {
		failed := 0
		for n := 4; ; n++ {
			require.Less(t, n, 64, "it must work with so many")
			kind, text := underLimit(t, o, "nofile", n)
			if kind == "none" {
				break
			}
			failed++
			require.Equal(t, "EMFILE", kind, text)
			require.Contains(t, text, "ulimit -n")
			if what == "create" {
				require.Empty(t, names(t, o.Dir))
			}
		}
		assert.Positive(t, failed)
		require.Len(t, names(t, o.Dir), 2)
	}
	require.NoError(t, bus.Remove("test", &o))
}

// Nothing is locked into memory, so that no limit on that matters.
func TestNoLockedMemory(t *testing.T) {
	needRoot(t, "starts a process of a user whom the limit binds")
	kind, text := underLimit(t, bus.Options{Dir: stickyDir(t), Geometry: small()}, "memlock", 0)
	require.Equal(t, "none", kind, text)
}

// A process that may not map so much, or not write files of that size, is told so.
func TestLittleAddressSpace(t *testing.T) {
	o := bus.Options{Dir: t.TempDir()}
	kind, text := underLimit(t, o, "fsize", 1<<20)
	require.Equal(t, "EFBIG", kind, text)
	require.Contains(t, text, "ulimit -f")
	require.Empty(t, names(t, o.Dir))
	// The runtime itself needs more than a gigabyte of addresses.
	o.Geometry.High.Capacity, o.Geometry.High.SlotSize, o.Geometry.High.Shards = 1<<14, 1<<13, 16
	if kind, text = underLimit(t, o, "as", 1<<30); kind != "" {
		require.Equal(t, "ENOMEM", kind, text)
		require.Contains(t, text, "ulimit -v")
	}
	require.Empty(t, names(t, o.Dir))
}

// oldKernel forbids itself what younger kernels than 5.14 do not have, waits on
// several futexes at once (FUTEX_WAITV) and pages populated in one call, and goes on.
func oldKernel(args []string) {
	s := newStage(args)
	const futexWaitv, load, jumpIfEqual, allow, refuse, kill = 449, 0x20, 0x15, 0x7fff0000, 0x00050000, 0x80000000
	filter := []unix.SockFilter{
		{Code: load, K: 0}, // the number of the call
		{Code: jumpIfEqual, Jt: 4, K: futexWaitv},
		{Code: jumpIfEqual, Jf: 4, K: unix.SYS_MADVISE},
		{Code: load, K: 32}, // its third argument
		{Code: jumpIfEqual, Jt: 3, K: unix.MADV_POPULATE_READ},
		{Code: jumpIfEqual, Jt: 2, Jf: 1, K: unix.MADV_POPULATE_WRITE},
		{Code: 0x06, K: kill},
		{Code: 0x06, K: allow},
		{Code: 0x06, K: refuse | uint32(unix.EINVAL)},
	}
	must(seccomp(filter))
	_, _, errno := unix.RawSyscall(unix.SYS_MADVISE, 0, 0, unix.MADV_POPULATE_WRITE)
	if errno != unix.EINVAL {
		must(fmt.Errorf("the filter does not work: %w", errno))
	}
	say("filtered")
	b, err := bus.Open("test", &s.options)
	must(err)
	sub, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Name: "old", Wait: bus.WaitPark})
	must(err)
	pub, err := bus.NewPublisher[call](b, nil)
	must(err)
	say("ready")
	for {
		m, err := sub.Receive(background())
		must(err)
		for range 3 * capacity { // and waits for room
			must(pub.Publish(background(), &call{Seq: m.Value.Seq}))
		}
	}
}

// Sleeping and waking need FUTEX_WAIT_BITSET and FUTEX_WAKE_BITSET and nothing
// younger: a process that would be killed for a FUTEX_WAITV, and for which pages
// must be touched one by one, does all there is.
func TestKernelWithoutFutexWaitv(t *testing.T) {
	o := bus.Options{Dir: t.TempDir(), Geometry: small(), Heal: 100 * patience}
	b := open(t, o.Dir, o)
	c := start(t, "old kernel", o)
	if line := c.hear(); line != "filtered" {
		t.Skip("needs seccomp: " + line)
	}
	require.Equal(t, "ready", c.hear())
	pub, sub := newPub[tick](t, b, nil), newSub[call](t, b, nil)
	for i := range 10 {
		waiting(t, b, "old")
		publishTicks(t, pub, i, i+1)
		for range 3 * capacity {
			m, err := sub.Receive(background())
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
	}
	c.kill()
	// It may have been killed while it created one, too.
	fresh := bus.Options{Dir: t.TempDir(), Geometry: small()}
	c = start(t, "old kernel", fresh)
	require.Equal(t, "filtered", c.hear())
	require.Equal(t, "ready", c.hear())
}
