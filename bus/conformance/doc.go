// Package conformance holds the tests of what the bus promises to its users: one
// list of named behaviours, each shown on a bus within one process and on one
// between processes.
//
//	go test ./bus/conformance -v
//
// prints the list and what became of it. A behaviour is written once. It has
// roles, a publisher and two subscribers say, that each have a bus and do what
// the test tells them, by lines of JSON over a pipe. On Local the roles are
// goroutines on one bus of OpenLocal; on Shared each is a process of its own,
// this test binary started again, on one region. So what passes here means the
// same on both, and a test cannot look inside.
//
// Behaviours that are about the death of a process exist on Shared alone: there
// is nobody to survive the death of the only one.
package conformance
