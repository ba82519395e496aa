// Shmbench measures the bus beside what the machine can do.
//
//	shmbench seed                        RVOIP's own benchmark: 1 to 5, one event per publish, lossless
//	shmbench fanout -pubs 2 -subs 3 -size 256 -batch 16
//	shmbench fanout -static              the same over a static ring: no headers, no types to test
//	shmbench pingpong -wait spin         latency of one event in flight
//	shmbench wake -rate 500              to a process that sleeps, beside a bare futex
//	shmbench flood                       Critical under a flood of Normal and Low, and without
//	shmbench rtp -calls 100000           RTP of so many calls, each packet when it is due
//	shmbench rtp -search                 the highest number of calls that holds
//	shmbench scale                       a publish to 1, 2, 4 ... 64 subscribers; 1 ... 16 publishers
//	shmbench size                        from 16 B to 16 KiB
//	shmbench crash -seed 7               others are killed and frozen at random
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
// a copy, a futex wake, an uncontended atomic; and where there is one publisher and
// several subscribers, a bare ring from one process to all of them (fan_event_ns,
// ratio_fan). They are medians, that one a mean, and of the two
// measurements the lower counts: the machine could do that, and the ratio to it
// flatters nobody. Floors move with where a hypervisor puts the processors, so
// compare ratios, and figures only with what ran beside them.
//
// The ratio of pingpong is its p50 to the cache line's one way, and with -wait
// park, where each event is a wake, to the futex wake's; the report says which.
// That of wake is its p50 to that of a bare futex which the same publisher wakes in
// turn with the events, that of flood the p99 of Critical to that of its idle run,
// that of scale the cost of a publish to all subscribers to that to one, that of
// size the time per event of the largest size to a copy of its bytes, and that of
// crash the longest stretch without delivery to EvictAfter. Where there is a
// ratio_p99, it sets the 99th percentiles beside each other that ratio has the
// medians of. That of the other workloads is the time per published event to the
// cost of an event in a bare ring's stream of the same size and batch, with one
// reader.
//
//	publish_ns         publisher's wall time per event: writing it, and waiting for room
//	publish_alone_ns   the same before anybody subscribes, median of short windows
//	latency_ns         pingpong: half a round trip, without the clock's own cost;
//	                   others with -stamp: from publish to receipt, one event of 64
//	futex_ns           wake: the bare futex, from wake to being awake
//	critical, idle     flood: from publish to receipt, with and without the flood;
//	                   critical_late and idle_late from when an event was due
//	lower              flood: what the other lanes moved meanwhile
//	late_ns            rtp: from when a packet was due until it was received and checked
//	held               rtp: all packets published and received to the end, p99.9 and the
//	                   last one less than 5 ms late; calls is how many calls' packets
//	points             scale, size: the steps, each with floors and a ratio of its own.
//	                   publish_ns of scale is processor time of the publisher's thread
//	longest_stall_ns   crash: the longest time from one delivery to the next at a
//	                   subscriber that was spared; gaps are those of 10 ms and more
//	told               crash: what frozen subscribers were told they had missed
//	allocs_per_event   of the process with the most, to a thousandth
//	cpu_seconds        user and system time of all roles while they worked
//
// With -json FILE the result goes to a file as one object, or an array with
// -runs; with -json - to standard output, and the table to standard error.
package main
