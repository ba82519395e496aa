// Package bus carries typed events between processes of one host, through one
// region of shared memory.
//
//	type CallState struct {
//		Call  codec.String64
//		State uint32
//	}
//
//	b, err := bus.Open("calls", nil)           // in each process: create or join
//	pub, err := bus.NewPublisher[CallState](b, nil)
//	sub, err := bus.Subscribe[CallState](b, nil)
//	err = pub.Publish(ctx, &CallState{State: 1})
//	msg, err := sub.Receive(ctx)
//
// OpenLocal gives the same inside one process, on every operating system.
//
// # Model
//
// A region has four priorities, Critical to Low, and each has one lane or more.
// A lane is a ring of fixed-size slots with one order that every subscriber
// sees. A type belongs to a priority; its publishers write to the lanes of that
// priority, and every subscription whose types and priorities match gets every
// event: broadcast. Of the members of a group one gets it. Where a priority has
// several lanes (shards), an event's key says which one it takes, so that events
// of one key keep their order. A type may declare further priorities that single
// events of it can have (With.Priority); order holds within a lane, not across
// priorities. A subscription's Filter says which events of its types it receives,
// its Start where it begins, and its OnLag where it goes on after a gap.
//
// A static ring stands beside the lanes and carries one type and nothing else: no
// header to look at, and no choice among lanes (OpenStatic).
//
// A publisher fills a slot that nobody else can see and publishes it with one
// compare-and-swap. A process that is killed or frozen at any instruction
// leaves no half-written event, no hole, and nobody waiting for it. What it held
// is given back by whoever needs it, or by a slow pass that every process makes:
// the kernel drops the lock byte of a dead process, and that, never a timeout,
// is what proves its death.
//
// # Words
//
//	region         one mapped file: participants, types, subscribers, lanes
//	participant    one attached process; holds a kernel lock for as long as it lives
//	lane           one ring: a priority and a shard
//	slot           a cell that holds one event: 32 bytes of header, value, tail
//	position       the running number of an event in its lane
//	port           a producer's seat on a lane, with slots of its own
//	cursor         a subscription's next position on a lane
//	window, pin    events that a subscription reads in place; nobody reuses them
//	type           a Go struct of fixed layout, known to the region by name and fields
//	key            64 bits that say what orders an event, a Call-ID's hash say
//	tail           variable bytes behind the value
//	loan           a slot lent to the caller to be filled in place
//	pack           several values of a type in one event; see PackPublisher
//	filter         which events a subscription takes, by header, fields or function
//	delivery       an event lent to the caller until its Ack
//	eviction       a subscription that stands still loses its hold on a full lane
//	static ring    a ring of its own for one type, beside the lanes; see OpenStatic
//	durable        of a subscription: its cursors stay while no process has it
//	group          subscriptions, its members, that share their lanes' events
//	lease          a group's cursor on one lane; one member has it at a time
//	handler        calls a function for events, several at the same time
//	client, server ends of request and reply; both are events on lanes
//	backlog        copies of events that wait in the process to be handled or served
//	drain          the orderly end of a process's part: accept no more, work off the rest
//
// # Guarantees
//
//   - An event is published whole or not at all, and never read torn.
//   - A lane is one order, the same for all; events of one goroutine keep theirs
//     within a lane.
//   - A Reliable lane makes publishers wait rather than overwrite what a
//     subscription has not read. Only a subscription that holds a full lane back
//     without moving for longer than EvictAfter is overtaken, and it is told.
//   - A Lossy lane overwrites the oldest events. Whoever is overtaken gets one
//     LagError for the gap, with the exact number of events, and goes on.
//   - A durable subscription that comes back goes on after the last event that
//     it finished: at least once. EvictAfter holds for it while it is away too,
//     unless it states how much it may hold back (SubscribeOptions.HoldEvents).
//   - Of the members of a group each event goes to one, and those of a key come in
//     order, through joins, leaves and deaths. What a member had not finished
//     when it died comes again to another: at least once.
//   - A publisher with RequireSubscriber is told when nobody takes its events.
//   - Critical events are received first. While lower lanes have some, one of
//     them gets its turn after 64 higher events (SubscribeOptions.Starve).
//   - A process killed or frozen at any point blocks nobody, and what a dead one
//     held in the region comes back. Two options say otherwise of a full Reliable
//     lane: EvictAfter below 0, and HoldBlock of a durable subscription.
//   - Publishing and receiving allocate nothing and make no system call while
//     nobody sleeps.
//   - Bytes of the region are not believed: a peer that writes rubbish can spoil
//     events, but the answer is an error, a loss or a wrong value.
//   - A call gets its own reply, or an error by its deadline; one that nobody
//     serves fails at once (Client, Serve). A client sends a request once; after
//     the deadline it does not know whether it was served.
//   - A Handler handles events of one key in their order, and others at the same
//     time; what one function does hurts no other handler.
//
// # Copies and views
//
// Receive and its kin copy, and are hard to misuse. View, ViewBatch and loans
// work in place. What a view callback gets is valid during the callback alone.
// A loan is the caller's until it is published or discarded; a loan that is
// forgotten is lost to its process. A delivery of Take is the caller's until its
// Ack, from any goroutine; one that is forgotten holds its lane.
//
// Handle, Serve and Client do the receiving: functions are called for events
// and for requests, and calls wait for their replies.
//
// Values that come many at a time may travel in packs, many to an event: that shares
// one position, one header and one call among them, and so they are lost, filtered
// and counted together (PackPublisher, SubscribePacks).
//
// Messages is a range loop over copies, Values and Subscription.Events are loops
// in place: an event is valid until the loop goes on.
//
// A call that waits ends with its context, with Close, or after Options.Timeout,
// which SubscribeOptions.Timeout overrides. Calls named Try do not wait: ErrEmpty
// and ErrFull are their answers.
//
// # Metrics
//
// The region counts what is published, delivered, filtered, lost and refused, and
// whom it woke and evicted, for each lane, type and subscription. Snapshot shows
// it beside the state of everything, Metrics in a form for monitoring systems, Var
// to package expvar, OnMetrics every so often. It costs a publisher or subscriber
// a few plain stores per event.
//
// # Caveats
//
//   - Values are structs of fixed layout without pointers: see package codec.
//     Variable data goes into the tail.
//   - A subscription that receives is expected to go on receiving. One that is
//     kept but not read holds a Reliable lane back until it is evicted. Its
//     cursor moves once a window, a durable one's with each event; choose Window
//     and EvictAfter so that a slow reader finishes a window in that time.
//   - Windows are paid from the lane's pin budget (LaneGeometry.Pins), whether
//     they are used or not, also by durable subscriptions that are away.
//   - LagError counts events of the lane, of whatever type, also those that a
//     Filter would not have taken: nobody can look at them any more.
//   - A callback, or a function of a Handler, that publishes to a lane which its
//     own subscription reads may wait for itself once the lane is full: use
//     TryPublish there, or a Handler with a Backlog. Replies of a Server may
//     share the lane of its requests.
//   - What is received in place is shared and must not be written; nothing but
//     this rule keeps a subscriber from it.
//   - A region is two files, NAME and NAME.<id>.lock, and two more for each static
//     ring; take them away with Remove.
//   - The zero values of options, of Filter and of Geometry mean all defaults.
//     Those of Bus, Publisher, Subscriber and whatever else a function of this
//     package makes are not usable.
//   - A region that a peer has spoilt gives ErrCorrupt and ErrFault. Check tells whether
//     it is the region or one event, and how it is replaced.
//   - While a callback or a receive call of this package runs, a truncation of
//     the region's file by a peer is ErrFault. The caller's own accesses to a
//     loan or a delivery are not guarded.
//   - Regions need Linux. Elsewhere Open returns an error that wraps
//     ErrUnsupported.
//
// # Concurrency
//
// A Bus, Static, Viewer, Handler, Client, Server, and a Publisher that is not
// Exclusive, are safe for concurrent use, and so is the Ack of a Delivery. One
// goroutine at a time receives from a Subscriber, StaticSubscriber or
// Subscription, publishes through a StaticPublisher, or uses a Loan; two that
// receive at the same time panic. Close and Stats may be called from anywhere at
// any time. Closing unblocks whoever waits, with ErrClosed, and
// never takes memory from under a callback, a loan or a delivery. Drain comes
// before Close where what was accepted is still to be worked off.
package bus
