package shm

// Process identifies a process of this machine, for viewers that may not see the lock file. Who may should ask Locked
// instead: it is exact, and works across pid namespaces.
type Process struct {
	PID   int
	Start uint64 // when it started, in clock ticks since boot, to tell it from a later process of the same id
}
