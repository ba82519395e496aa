// Package shm holds all that shmbus needs from the operating system: region files, lock bytes, futexes, a clock.
//
// A region is one file, by default in /dev/shm, that processes map to share memory. Its first HeaderSize bytes belong to
// this package; the rest is laid out by whoever creates it.
//
// # Words
//
//   - region: a mapped file with a header, a random id, and a body.
//   - attachment: one Region that was opened for writing, in whichever process. It is alive for as long as its process
//     is, to the kernel's knowledge and not to that of a heartbeat.
//   - viewer: a read-only mapping of somebody who looks on. It counts for nothing.
//   - lock byte: one of MaxLocks bytes of the lock file beside the region. The kernel takes it from its holder when
//     that dies, so holding one is proof of life, and taking one is proof of death.
//
// # Names
//
// A name has from 1 to MaxName of the characters A-Z a-z 0-9 . _ - and begins with no dot and does not end in ".lock".
// The region "calls" is the file calls; its lock file is calls.<id>.lock, where <id> is the region's id in hexadecimal.
// Files that begin with ".calls." are unfinished ones, on file systems that cannot make a file without a name.
//
// # What can be relied on
//
// Nobody ever sees half a region: it gets its name when it is finished. Its space is reserved and its pages are populated
// before use, so a full file system is an error when creating and not a signal later. Exactly one of many
// processes that start at the same time creates. No call waits for another process longer than about a second: a
// creator that is frozen holds nobody up, a creator that is killed leaves at most a lock file, which the next one
// removes.
//
// Attaching trusts a file only if it is regular, has one name, and belongs to us, to root, or to the group asked for. The
// bytes behind the header are never trusted: any writer may put anything there at any time. A peer may even truncate the
// file; see Protect for how that becomes an error.
//
// A Region counts its users; the mapping and the lock bytes go with the last one. It has no finalizer: to forget a
// Region without releasing it keeps its lock bytes for as long as the process lives.
//
// Regions need Linux. Elsewhere the package builds, and whatever needs one returns an error that wraps
// errors.ErrUnsupported.
package shm
