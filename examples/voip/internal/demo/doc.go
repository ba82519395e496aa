// Package demo starts the switch, lets a real client call it, watches the bus
// meanwhile, and shows what became of every call, message and packet.
//
// # Where its numbers come from
//
// Each process counts what it saw with its own eyes, and reports that to whoever started
// it, on standard output, when it stops: sipd what it published, rtpd what came from the
// wire and what it published, mediad what it received. They would not know the sums
// if they were wrong, and the demo compares them. Between the processes themselves
// there is no channel but the bus.
//
// Levels, loss and jitter of each stream come from the bus (StreamReport), depths of
// the lanes from snapshots taken every 20 ms through a read-only mapping.
package demo
