// Peers runs the workloads seed, fanout and pingpong over what one could use in
// place of the bus.
//
//	peers list                               what there is, and what is missing
//	peers pipe fanout -size 64 -batch 64     one run
//	peers nats pingpong -json -              its result as JSON, as shmbench's
//
// Peers of other languages are programs of their own, called peer-NAME, in the
// directory that -programs names (by default that of peers itself). Each role
// of a run is a process of its own, unless the peer works within one process.
//
// The exit status is 1 if an event was lost by a peer that does not lose any,
// came out of order or with wrong bytes, or if the run failed; 2 if the command
// line makes no sense.
package main
