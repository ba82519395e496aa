// Shmbench measures the bus beside what the machine can do.
//
//	shmbench seed                        RVOIP's own benchmark: 1 to 5, one event per publish, lossless
//	shmbench fanout -pubs 2 -subs 3 -size 256 -batch 16
//	shmbench fanout -static              the same over a static ring: no headers, no types to test
//	shmbench pingpong -wait spin         latency of one event in flight
//	shmbench report *.json               results of -json as one HTML page, and as PNG
//	shmbench compare A.json B.json       what differs between two files, with confidence intervals
//	shmbench check                       a short list beside stored ratios
//
// Every role runs in a process of its own; -local runs the same roles in one
// process, over the in-process bus. Nothing is published before all subscribers
// have joined, and a subscriber ends when it has seen the last event of each
// publisher. Each event carries a running number and a checksum, which every
// subscriber checks; -verify=false leaves out the checksum.
//
// The exit status is 1 if an event was lost on a reliable lane, was lost on a
// lossy one without being counted, arrived out of order or with wrong bytes, or
// if the run failed; 2 if the command line makes no sense.
//
// # What to make of the figures
//
// Before and after each run the machine's own floors are measured between two
// processes of their own: a cache line's way, a bare ring without any guarantee,
// a copy, a futex wake, an uncontended atomic. They are medians, and of the two
// measurements the lower counts: the machine could do that, and the ratio to it
// flatters nobody. Floors move with where a hypervisor puts the processors, so
// compare ratios, and figures only with what ran beside them.
//
// The ratio of pingpong is its p50 to the cache line's one way, and with -wait
// park, where each event is a wake, to the futex wake's; the report says which.
// That of the other workloads is the time per published event to the cost of an
// event in a bare ring's stream of the same size and batch, with one reader.
//
//	publish_ns         publisher's wall time per event: writing it, and waiting for room
//	publish_alone_ns   the same before anybody subscribes, median of short windows
//	latency_ns         pingpong: half a round trip, without the clock's own cost;
//	                   others with -stamp: from publish to receipt, one event of 64
//	allocs_per_event   of the process with the most, to a thousandth
//	cpu_seconds        user and system time of all roles while they worked
//
// With -json FILE the result goes to a file as one object, or an array with
// -runs; with -json - to standard output, and the table to standard error.
package main
