// Shmtorture tries to break what the bus promises.
//
//	shmtorture -duration 10m -seed 7     kills and freezes processes, and checks every event
//	shmtorture -plan -seed 7             prints what it would do
//	shmtorture soak -duration 1h         a steady rate, with restarts: what is used must not grow
//
// Thirty processes publish and receive on one region, over all its lanes, plainly,
// with durable subscriptions, in a group and by handlers. A plan that follows from
// the seed kills them, freezes them and lets them leave. Ledgers outside the bus
// say what was accepted and what has arrived, and are compared all the time; package
// internal/torture says how. The figures are printed at the end.
//
// The exit status is 1 if anything was found that must not be; then the message
// says what, how to run the same plan again, and where ledgers and region are kept.
// It is 2 if the command line makes no sense. Without a violation nothing stays
// behind. SHMBUS_DIR, or -dir, says where the files go meanwhile; the default is
// /dev/shm. It needs Linux.
package main
