// Package bench is shmbench: workloads over the bus, each role in a process of
// its own, checked event by event, and set beside what the machine can do.
//
//	app.go        command line
//	config.go     what a run is asked for
//	workload.go   the list of workloads; each has a file of its own
//	session.go    the runs of one command: floors, run, floors
//	points.go     steps of a run that has several, each between floors of its own
//	pacer.go      when events of a fixed rate are due
//	bare.go       memory that roles share beside the bus
//	ends.go       typed ends of a flow of events: source and sink
//	static.go     ends over a static ring
//	tracker.go    a receiver's books: order, loss, wrong bytes
//	result.go     what a run measured, as JSON
//	report.go     the same for people
//	reports.go    commands over results: report, compare
//	check.go      a short list of workloads beside stored ratios
//
// A workload is added as a file with a [workload] value and its roles.
package bench
