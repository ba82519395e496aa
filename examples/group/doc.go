// Group shows competing consumers: processes that share the lanes of a priority
// as members of one group, while some of them join, leave, are stopped and are
// killed.
//
//	go run ./examples/group
//
// Events of 1,000 keys are published on 16 lanes. Each member appends what it
// handles to one file outside of the bus, before it finishes the event; at the end
// that ledger is read. The events of each key must be there in order and without a
// gap, and none twice that was not first handled by a member that was killed.
//
// Roles:
//
//	group [flags]                  publishes, and starts and ends the members
//	group member DIR LEDGER        is a member until its standard input ends
package main
