// Command shmtop shows what goes on in a region: its lanes, who reads them and
// how far behind, which processes are attached and whether they live, and the
// event types they have registered.
//
//	shmtop [NAME]              live view; without NAME the only region, or a choice of them
//	shmtop NAME/RING           a static ring of the region
//	shmtop -wait               the first region to appear
//	shmtop NAME -once          one snapshot as text
//	shmtop NAME -once -json    one snapshot as JSON
//	shmtop ls [-json]          the regions of a directory
//
// It maps the region read-only and is no participant: it takes no seat, holds
// no lane back and wakes nobody, so it can be pointed at a production system,
// and at the remains of one whose processes are dead or hung.
//
// Everything it shows was read from memory that other processes write. Names are
// therefore stripped of control characters before they reach the terminal, and
// no number is trusted to be in range.
//
// The exit status is 0, 1 after an error, or 2 after a mistake on the command
// line.
package main
