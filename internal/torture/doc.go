// Package torture is shmtorture: processes of all kinds on one region, which are
// killed and frozen at random, and ledgers outside the bus that say what must have
// arrived.
//
//	app.go            command line
//	shape.go          the region: lanes so small, and patience so short, that all of it happens
//	plan.go           what happens, from a seed
//	supervisor.go     starts processes and does what the plan says
//	process.go        one process: start, kill, freeze, leave
//	role*.go, spec.go what processes do: publish, subscribe, handle
//	event.go          the event
//	book.go           the ledgers, one mapped file
//	page.go           a subscription's ledger of one lane
//	tracker.go        what a subscription checks of each event
//	evict.go          who may be evicted
//	audit.go          what is checked when all stand still
//	watch.go          what is checked of who waits
//	report.go         the figures, and what is kept of a violation
//	soak.go, flat.go  the same at a steady rate for long: nothing grows
//
// # What happens
//
// Ten publishers publish on all lanes, one by one, by loan and in batches. Eight
// subscriptions, with filters some, five durable ones with each kind of hold-back,
// the four members of a group and three handlers receive. Each sits at a place; a
// plan kills them (SIGKILL), freezes them (SIGSTOP), mostly for a few milliseconds
// and often for longer than every patience of the bus, kills some that are frozen,
// and tells some to leave. Whoever has gone is replaced at once, by a process with
// other options. Every ten seconds there is a quiet point: publishers pause, all
// else is received, and the whole is audited.
//
// # What is checked
//
//	1 of each event           its bytes; that all find the same one at a position; that positions
//	                          follow one another, and each gap was told exactly
//	2 of each producer        that its events are in order on a lane, of a key with a handler; that
//	                          none is missing which it says was accepted, unless that was told
//	3 of each duplicate       that a killed process had it in hand, and that its subscription is one
//	                          that gets such events again
//	4 of each eviction        that the subscription had stood still for EvictAfter, or was away and
//	                          may not hold back as much
//	5 of a group              that a lane belongs to one member at a time
//	6 of who waits            that no lane with a publisher waiting stands still beyond its policy,
//	                          and that nobody sleeps while it has events
//	7 of who is not killed    that it does not end
//	8 at quiet points         that each lane has had as many events as were accepted, that each
//	                          subscription has got them or was told, and has not been told of more;
//	                          that each slot has one owner, and all else belongs to somebody (Bus.Audit)
//	9 at the end              that all leave when they are told to, and that nothing is left in the
//	                          region and nothing of it in the directory
//
// # The ledgers
//
// A producer stores how many events it is about to have published on a lane, then
// publishes, then stores how many were accepted. Killed in between, the events
// between the two may be there or not; all others must be, or must not. So each of
// its lives is two numbers a lane, and what is missing is bounded from below and
// above. A subscription keeps, for each producer, the number that comes next. What
// outlasts its processes, a durable subscription or the lane of a group, keeps that
// in words whose order of stores tells the next process how far the one before had
// come. Nothing grows with the length of a run.
//
// No check asks for a time that a busy machine could take: what waits for a
// processor is taken off, by what the kernel has counted.
//
// # Again
//
// The plan, which is who is killed, frozen and started when and how, follows from
// the seed and the duration alone; its sum is printed at the end. What the kernel
// does meanwhile does not, so the same plan hits processes at other instructions.
// On a violation the run ends, says the seed and the command, and keeps its
// directory: book, region, what processes said, and for each place the trail of
// what it did last.
package torture
