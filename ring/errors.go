package ring

import "errors"

var (
	// ErrFull says that a reliable lane has no room: some gated cursor is a
	// whole lap behind.
	ErrFull = errors.New("ring: lane is full")

	// ErrNoSlot says that a producer has no slot to fill: all its cells are on
	// loan, or still pinned by readers.
	ErrNoSlot = errors.New("ring: no free slot in this port")

	// ErrNoPort says that every port of the lane has an owner.
	ErrNoPort = errors.New("ring: no free port")

	// ErrPinBudget says that the lane's pins are all reserved.
	ErrPinBudget = errors.New("ring: pin budget of the lane is spent")

	// ErrCorrupt says that words of the lane contradict each other. Some
	// process has written where it must not.
	ErrCorrupt = errors.New("ring: lane is corrupt")

	// ErrGeometry says that a geometry is out of bounds.
	ErrGeometry = errors.New("ring: bad geometry")
)
