//go:build !linux

package shm

import (
	"errors"
	"fmt"
)

// errUnsupported is the answer of every call that needs Linux.
var errUnsupported = fmt.Errorf("shm: shared regions need Linux: %w", errors.ErrUnsupported)

// lockFile and fileStat need Linux.
type (
	lockFile struct{}
	fileStat struct{}
)

func create(*spec) (*Region, error)             { return nil, errUnsupported }
func attach(*spec) (*Region, error)             { return nil, errUnsupported }
func view(*spec) (*Region, error)               { return nil, errUnsupported }
func openOrCreate(*spec) (*Region, bool, error) { return nil, false, errUnsupported }
func remove(*spec) error                        { return errUnsupported }
func removeForce(*spec, bool) error             { return errUnsupported }
func list(string) ([]Entry, error)              { return nil, errUnsupported }
func identify(*spec) (id [16]byte, err error)   { return id, errUnsupported }

func (r *Region) close() error       { return errUnsupported }
func (r *Region) removeForce() error { return errUnsupported }
func (r *Region) check() error       { return errUnsupported }

// TryLock takes a lock byte; see the Linux version.
func (r *Region) TryLock(int) (bool, error) { return false, errUnsupported }

// Unlock gives a lock byte back; see the Linux version.
func (r *Region) Unlock(int) error { return errUnsupported }

// Locked says whether another attachment holds a lock byte; see the Linux version.
func (r *Region) Locked(int) (bool, error) { return false, errUnsupported }
