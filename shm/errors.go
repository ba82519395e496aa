package shm

import (
	"errors"
	"fmt"
	"io/fs"
)

// What a caller may have asked for wrongly.
var (
	// ErrName says that a region's name is not usable; see the package documentation for what a name may hold.
	ErrName = errors.New("shm: invalid region name")
	// ErrOptions says that a field of Options is out of its range.
	ErrOptions = errors.New("shm: invalid options")
	// ErrClosed is returned by a Region whose last user has released it.
	ErrClosed = fs.ErrClosed
)

// What may stand under a region's name. None of these ever changes or removes what is there.
var (
	// ErrNotExist says that there is no region of that name (or no such directory).
	ErrNotExist = fs.ErrNotExist
	// ErrExists says that something of that name is there already.
	ErrExists = fs.ErrExist
	// ErrNotRegular says that the name belongs to a directory, a symbolic link, a pipe or another special file.
	ErrNotRegular = errors.New("shm: not a regular file")
	// ErrForeign says that the file is not a region: it does not begin with a region's magic.
	ErrForeign = errors.New("shm: not a shmbus region")
	// ErrVersion says that the region was made by a release whose layout this one cannot use.
	ErrVersion = errors.New("shm: incompatible region version")
	// ErrCorrupt says that the header's checksum is wrong, that file and header differ in size, or that a header is missing
	// which must have been there.
	ErrCorrupt = errors.New("shm: damaged region")
	// ErrRemoved says that a region which we are attached to has been removed, or that its name stands for another one.
	ErrRemoved = errors.New("shm: region has been removed")
	// ErrOwner says that somebody else owns the region, so that joining it would hand them our events.
	ErrOwner = errors.New("shm: region has an unexpected owner")
	// ErrLinked says that the region's file has more than one name.
	ErrLinked = errors.New("shm: region has more than one hard link")
	// ErrLockFile says that the lock file which belongs to a region is missing or is not usable.
	ErrLockFile = errors.New("shm: unusable lock file")
)

// What a file system or its other users may refuse.
var (
	// ErrNoSpace says that the file system has no room for the region; see SpaceError.
	ErrNoSpace = errors.New("shm: not enough space for the region")
	// ErrNoFallocate says that the file system cannot reserve space, so that a region on it could fault at any time.
	ErrNoFallocate = fmt.Errorf("shm: the file system cannot reserve space (fallocate): %w", errors.ErrUnsupported)
	// ErrNoPublish says that the file system can neither link an unnamed file nor rename without replacing.
	ErrNoPublish = fmt.Errorf("shm: the file system cannot put a finished file into place: %w", errors.ErrUnsupported)
	// ErrInUse is returned by Remove while a process is attached; see InUseError.
	ErrInUse = errors.New("shm: region is in use")
	// ErrBusy says that another process has been removing this very region for as long as we were ready to wait, or has
	// replaced it again and again.
	ErrBusy = errors.New("shm: region is being removed by another process")
	// ErrNoLockAccess says that a viewer may not open the lock file and so cannot ask who is alive.
	ErrNoLockAccess = fmt.Errorf("shm: no access to the lock file: %w", fs.ErrPermission)
)

// ErrFault says that memory of a region could not be accessed: a process truncated its file, or a viewer tried to write.
var ErrFault = errors.New("shm: region memory is not accessible (was its file truncated?)")

// How a futex wait ends other than by a wake.
var (
	// ErrChanged says that the word did not hold the expected value, so that nobody slept.
	ErrChanged = errors.New("shm: futex word changed")
	// ErrTimeout says that the deadline passed.
	ErrTimeout = errors.New("shm: futex wait timed out")
	// ErrInterrupted says that a signal arrived: look again at the condition and go on waiting.
	ErrInterrupted = errors.New("shm: futex wait interrupted")
)

// InUseError is the error of Remove for a region that processes are attached to. It unwraps to ErrInUse.
type InUseError struct {
	Path        string
	Attachments int // live attachments at the time of asking
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("%v: %d live attachment(s) to %s; stop those processes first, or force the removal", ErrInUse, e.Attachments, e.Path)
}

func (e *InUseError) Unwrap() error { return ErrInUse }

// SpaceError is the error for a file system without room for a region. It unwraps to ErrNoSpace.
type SpaceError struct {
	Dir               string
	Want, Free, Total int64 // bytes: of the region, free to us, and of the whole file system
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%v: %d bytes wanted, %d of %d free in %s; choose a smaller Size, another directory (Dir or %s), or enlarge the file system (--shm-size in a container)",
		ErrNoSpace, e.Want, e.Free, e.Total, e.Dir, EnvDir)
}

func (e *SpaceError) Unwrap() error { return ErrNoSpace }
