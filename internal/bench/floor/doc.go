// Package floor measures what the machine itself can do, between two
// processes, so that figures of the bus can be set beside it.
//
// One process leads ([Lead]) and one echoes ([Echo]) over the same shared
// memory. Both run the same list of steps; the leader opens each.
//
//	floor          what moves between the two
//	line           one word on one cache line, both spinning on it
//	spsc           one event there and one back, through two bare rings
//	spsc stream    events one way through a bare ring, as fast as it goes
//	futex          a sleeping process is woken, and wakes the other; its p99, too
//	copy, atomic   nothing: one process alone
//
// The ring is Lamport's: a head, a tail, each end caching the other's. It knows
// no second reader, no crash, no sleeping, no types; it is the yardstick.
//
// A [Pair] is the same futex one way, for whoever wakes at a pace of its own.
//
// [Rounds] let one process have work done by many without the bus that is measured.
//
// A [Fan] is a bare ring of one writer and many readers.
//
// All but that are medians (of round trips, or of short windows), so a neighbour that
// takes a processor now and then does not move them; but the p99.
package floor
