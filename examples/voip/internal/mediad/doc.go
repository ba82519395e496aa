// Package mediad is the measuring process of the switch: it decodes the audio of
// every call on the bus and publishes how good it is.
//
// # What it reads
//
// One durable subscription named "mediad" over call states (Critical), SIP messages (High)
// and RTP packets (Normal). Critical comes first, so a call is known before its
// packets are looked at; and a call is over only when its final state has come *and* its
// stream's end, which is behind the last packet in the same lane.
//
// # Surviving a kill
//
// The subscription's cursor lives in the region and outlives the process. What
// the process has learnt (which calls there are, how many packets of each have come)
// would not, and the cursor is past the events that taught it. So it keeps that in a
// state file of its own, mapped into memory: see [store]. The cursor moves
// after the file, hence an event may come twice and never not at all; each record
// knows the last position it has seen of each lane, and skips what comes again.
// Together that is exactly once.
package mediad
