// Package fleet runs the roles of a benchmark, each in a process of its own.
//
// One process conducts (a [Crew]); it starts agents by executing itself again
// and talks with them over their standard input and output, one JSON object a
// line. An agent ([Serve]) runs one role or several (several only where they
// are meant to share a process) and reports when each is ready, how far it is
// and what came out.
//
//	conductor                        agent
//	   | -- start: roles, configs ----> |  each role prepares
//	   | <---- ready (per role) ------- |
//	   | -- go -----------------------> |  all roles begin
//	   | <---- count (now and then) --- |
//	   | -- drain --------------------> |  nothing more will be published
//	   | <---- done (per role) -------- |
//	   | <---- usage ------------------ |  cpu, allocations; the agent exits
//
// A conductor may also kill agents on purpose, freeze them and let them go on, and
// start others in their place.
//
// An agent never outlives its conductor: it ends when its standard input does,
// and on Linux the kernel kills it when the conductor dies. A conductor kills
// only processes it started.
package fleet
