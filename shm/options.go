package shm

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

const (
	// EnvDir is the environment variable that names the directory of regions when Options.Dir does not.
	EnvDir = "SHMBUS_DIR"
	// DefaultDir is where regions live when nothing else is said.
	DefaultDir = "/dev/shm"
	// MaxName is the longest name of a region, in bytes.
	MaxName = 200

	lockSuffix = ".lock"
)

// Options say where a region lives and what a new one looks like. A nil *Options means all defaults.
type Options struct {
	// Dir is the directory of the region. Empty means $SHMBUS_DIR, then /dev/shm.
	Dir string
	// Mode holds the permission bits of a new region, whatever the umask: 0600, to which group bits and the
	// read bit for others (viewers) may be added. 0 means 0600, or 0660 when Group is set.
	Mode os.FileMode
	// Group gives a new region to that group, and lets this process join a region of that group which
	// another user owns. It needs mode bits 0060. 0 leaves the group alone and trusts our own user and root only.
	Group int
	// Size of a new region in bytes with its header, rounded up to a multiple of the page size.
	Size int64
	// Meta describes a new region to whoever opens it; it is opaque to this package and at most MaxMeta bytes.
	Meta []byte
	// Init lays out a new region before anybody else can see it. mem is the whole mapping, zeroed behind
	// its header; Init must leave the first HeaderSize bytes alone.
	Init func(mem []byte) error
}

// Dir returns the directory that stands for an Options.Dir of o.
func Dir(o string) string {
	if o == "" {
		o = os.Getenv(EnvDir)
	}
	if o == "" {
		o = DefaultDir
	}
	// A relative path must keep its meaning when the process changes its directory.
	if abs, err := filepath.Abs(o); err == nil {
		return abs
	}
	return filepath.Clean(o)
}

// checkName returns why name cannot name a region.
func checkName(name string) error {
	bad := func(why string) error { return fmt.Errorf("%w %q: %s", ErrName, name, why) }
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > MaxName:
		return bad(fmt.Sprintf("it is longer than %d bytes", MaxName))
	case name[0] == '.':
		return bad("it begins with a dot")
	case strings.HasSuffix(name, lockSuffix):
		return bad(fmt.Sprintf("%q is the ending of lock files", lockSuffix))
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return bad("only letters, digits, '.', '_' and '-' of ASCII are allowed")
		}
	}
	return nil
}

// spec is what a call asks for: a name and options, checked, with defaults filled in.
type spec struct {
	name, dir string
	mode      os.FileMode
	group     int
	size      int64
	meta      []byte
	init      func(mem []byte) error
}

// newSpec checks what every call needs.
func newSpec(name string, o *Options) (*spec, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Options{}
	}
	s := &spec{name: name, dir: Dir(o.Dir), mode: o.Mode, group: o.Group, size: o.Size, meta: o.Meta, init: o.Init}
	if s.mode == 0 {
		s.mode = 0o600
		if s.group > 0 {
			s.mode = 0o660
		}
	}
	return s, s.check()
}

func (s *spec) check() error {
	switch {
	case s.group < 0 || int64(s.group) >= math.MaxUint32:
		return fmt.Errorf("%w: Group %d is not a group id", ErrOptions, s.group)
	case s.mode&^0o666 != 0:
		return fmt.Errorf("%w: Mode %#o has bits other than read and write", ErrOptions, s.mode)
	case s.mode&0o600 != 0o600:
		return fmt.Errorf("%w: Mode %#o shuts out the owner; it needs 0600", ErrOptions, s.mode)
	case s.mode&0o002 != 0:
		return fmt.Errorf("%w: Mode %#o lets everybody write; share with a Group instead", ErrOptions, s.mode)
	case s.group > 0 && s.mode&0o060 != 0o060:
		return fmt.Errorf("%w: Mode %#o shuts out Group %d; it needs 0060", ErrOptions, s.mode, s.group)
	}
	return nil
}

// lockMode are the permissions of the lock file: only who may write the region may open it, since a mere reader of
// the lock file could hold read locks on it and so pass for a living participant for ever.
func (s *spec) lockMode() os.FileMode {
	m := os.FileMode(0o600)
	if s.mode&0o060 == 0o060 {
		m |= 0o060
	}
	return m
}

// checkNew checks what only the making of a region needs, and rounds the size.
func (s *spec) checkNew() error {
	if s.size <= HeaderSize {
		return fmt.Errorf("%w: Size %d leaves no room behind the header of %d bytes", ErrOptions, s.size, HeaderSize)
	}
	if len(s.meta) > MaxMeta {
		return fmt.Errorf("%w: Meta has %d bytes, at most %d fit", ErrOptions, len(s.meta), MaxMeta)
	}
	page := int64(os.Getpagesize())
	if s.size > math.MaxInt-page {
		return fmt.Errorf("%w: Size %d cannot be mapped", ErrOptions, s.size)
	}
	s.size = (s.size + page - 1) / page * page
	return nil
}
