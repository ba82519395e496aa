// Package runs reads what shmbench and the programs beside it write as JSON.
//
//	run.go    one run, as far as its fields are known
//	load.go   files to runs
//	config.go what a run was asked for, in words
//	cases.go  runs of the same thing together
//
// A file holds objects, or arrays of objects, one behind the other. Fields that
// nobody knows are passed over: newer programs write more of them. A run with a
// "peer" was measured with something else than this bus.
package runs
