package bus_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/shm"
)

func init() { roles["user"] = otherUserRole }

// otherUserRole gives up being root for good, and then does what it is told.
func otherUserRole(args []string) {
	s := newStage(args)
	uid, err := strconv.Atoi(args[1])
	must(err)
	groups := []int{uid}
	if args[2] == "true" {
		groups = append(groups, teamGroup)
	}
	syscall.Umask(0o077)
	must(syscall.Setgroups(groups))
	must(syscall.Setresgid(uid, uid, uid))
	must(syscall.Setresuid(uid, uid, uid))
	say("ready")
	u := &aUser{o: s.options, path: filepath.Join(s.options.Dir, "test")}
	for {
		order, args := s.next()
		say("%s", u.do(order, strings.Join(args, " ")))
	}
}

type aUser struct {
	o     bus.Options
	path  string
	b     *bus.Bus
	sub   *bus.Subscriber[tick]
	pub   *bus.Publisher[tick]
	woken atomic.Int64
}

func (u *aUser) do(order, arg string) string {
	switch order {
	case "open":
		var err error
		if u.b, err = bus.Open("test", &u.o); err != nil {
			return outcome(err)
		}
		u.sub, err = bus.Subscribe[tick](u.b, &bus.SubscribeOptions{Name: "user", Wait: bus.WaitPark, Filter: bus.Match(u.others)})
		must(err)
		u.pub, err = bus.NewPublisher[tick](u.b, nil)
		return outcome(err)
	case "publish":
		return outcome(u.pub.Publish(background(), &tick{Seq: number(arg)}))
	case "receive":
		m, err := u.sub.Receive(background())
		must(err)
		return fmt.Sprint(m.Value.Seq)
	case "pass": // over its own events, or it holds back those who come after
		_, err := u.sub.TryReceive()
		return outcome(err)
	case "check":
		return outcome(u.b.Check())
	case "close":
		return outcome(u.b.Close())
	case "remove":
		return outcome(bus.Remove("test", &u.o))
	case "force":
		return outcome(bus.RemoveForce("test", &u.o))
	case "damaged":
		return outcome(bus.RemoveDamaged("test", &u.o))
	case "inspect":
		v, err := bus.Inspect("test", &u.o)
		if err != nil {
			return outcome(err)
		}
		snap, err := v.Snapshot()
		must(err)
		must(v.Close())
		return fmt.Sprintf("%d participants", len(snap.Participants))
	case "raw":
		return outcome(u.raw(arg))
	case "plant":
		return outcome(u.plant(arg))
	case "bell":
		go u.atTheBell(arg == "requeue")
		return "at it"
	case "how":
		return fmt.Sprint(u.woken.Load())
	}
	return "no such order: " + order
}

func (u *aUser) others(e *bus.Event) bool { return e.Header().Source != u.b.ID() }

// outcome is an error in a word. Who may not do something is told so, and why.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, bus.ErrOwner):
		if !strings.Contains(err.Error(), "belongs to user") || !strings.Contains(err.Error(), "join as that user") {
			return err.Error()
		}
		return "owner"
	case errors.Is(err, bus.ErrEmpty):
		return "empty"
	case errors.Is(err, bus.ErrInUse):
		return "in use"
	case errors.Is(err, shm.ErrNotRegular):
		return "not regular"
	case errors.Is(err, bus.ErrForeign):
		return "foreign"
	case errors.Is(err, unix.EBADF), errors.Is(err, unix.EINVAL):
		return "not for writing"
	case errors.Is(err, fs.ErrPermission):
		return "permission"
	}
	return err.Error()
}

// raw tries what the bus would never do.
func (u *aUser) raw(what string) error {
	switch what {
	case "read", "write":
		f, err := os.OpenFile(u.path, map[string]int{"read": os.O_RDONLY, "write": os.O_RDWR}[what], 0)
		if err == nil {
			f.Close()
		}
		return err
	case "lock file":
		files, err := os.ReadDir(u.o.Dir)
		must(err)
		for _, f := range files {
			if strings.HasSuffix(f.Name(), ".lock") {
				for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
					if _, err = os.OpenFile(filepath.Join(u.o.Dir, f.Name()), flag, 0); err == nil {
						return nil
					}
				}
				return err
			}
		}
		return errors.New("there is no lock file")
	case "unlink":
		return os.Remove(u.path)
	case "rename":
		return os.Rename(u.path, u.path+".gone")
	case "replace":
		mine := u.path + ".mine"
		must(os.WriteFile(mine, nil, 0o600))
		defer os.Remove(mine)
		return os.Rename(mine, u.path)
	case "chmod":
		return os.Chmod(u.path, 0o666)
	case "truncate":
		return os.Truncate(u.path, 0)
	}
	f, err := os.Open(u.path)
	if err != nil {
		return err
	}
	fd := int(f.Fd())
	if what == "read lock" { // is kept
		return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart})
	}
	defer f.Close()
	switch what {
	case "reopen":
		_, err = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR, 0)
	case "map":
		_, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	case "protect":
		var mem []byte
		mem, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
		must(err)
		err = unix.Mprotect(mem, unix.PROT_READ|unix.PROT_WRITE)
	case "ftruncate":
		err = unix.Ftruncate(fd, 0)
	case "fallocate":
		err = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096)
	case "lock":
		err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart})
	case "lease":
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	default:
		err = errors.New("no such attempt: " + what)
	}
	return err
}

// atTheBell does to sleepers what a reader of the region can.
func (u *aUser) atTheBell(requeue bool) {
	f, err := os.Open(u.path)
	must(err)
	st, err := f.Stat()
	must(err)
	mem, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	must(err)
	count := word.U32(mem, bus.PlacesOf(u.o.Geometry).Bell+4)
	aside := new(atomic.Uint32)
	for {
		n := 0
		if requeue {
			n, err = requeueAll(word.Futex(count), count.Load(), word.Futex(aside))
		} else {
			n, err = shm.FutexWake(word.Futex(count), 1<<30, ^uint32(0))
		}
		must(err)
		u.woken.Add(int64(n))
	}
}

// plant puts something under the region's name.
func (u *aUser) plant(what string) error {
	elsewhere := func() string {
		o := u.o
		o.Mode = 0o644
		b, err := bus.Open("elsewhere", &o)
		must(err)
		must(b.Close())
		return filepath.Join(u.o.Dir, "elsewhere")
	}
	switch what {
	case "region", "open region":
		o := u.o
		b, err := bus.Open("test", &o)
		must(err)
		must(b.Close())
		if what == "open region" { // to everybody, and of a group of his
			return os.Chmod(u.path, 0o666)
		}
		return nil
	case "file":
		return os.WriteFile(u.path, make([]byte, 8192), 0o666)
	case "empty file":
		return os.WriteFile(u.path, nil, 0o600)
	case "pipe":
		return errors.Join(unix.Mkfifo(u.path, 0o600), os.Chmod(u.path, 0o666))
	case "link to region":
		return os.Symlink(elsewhere(), u.path)
	case "link to device":
		return os.Symlink("/dev/zero", u.path)
	case "broken link":
		return os.Symlink(filepath.Join(u.o.Dir, "nothing"), u.path)
	case "directory":
		return errors.Join(os.Mkdir(u.path, 0o700), os.Chmod(u.path, 0o777))
	case "socket":
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(err)
		return errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: u.path}), os.Chmod(u.path, 0o777))
	}
	return errors.New("no such thing: " + what)
}
