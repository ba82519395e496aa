// Package ring is one lane of the bus: a multi-producer multi-consumer ring of
// fixed-size slots in which events are published by exchange.
//
// # Model
//
// A lane has N entries, 64-bit words that each name the slot published at a
// position, and N + ports x cells slots. Every slot is named by exactly one
// entry or one cell of a port, at all times. A producer fills a slot of its own
// port in private, for as long as it likes, and publishes it with one
// compare-and-swap of an entry: that hands its slot to the ring and takes the
// slot published there a lap ago in return. There is no claim, no commit, no
// free list and no hole: a producer that is killed or frozen at any instruction
// leaves the lane exactly as publishable and readable as before.
//
// A reader looks at entries from its position on, pins the positions it wants
// to read in place (position and count in one word, the cursor), and reads the
// entries again: what still holds cannot be reused until the pin moves, because
// a producer reuses a displaced slot only after a scan of the cursors, made
// after its exchange, that finds no pin on the displaced position.
//
// On a reliable lane producers also stay within N positions of every gated
// cursor. Eviction takes the gate from a cursor, never its pin.
//
// The steps, the reasons and the checked models are in docs/design.md and in
// the folder model.
//
// # Words
//
//	lane      one ring
//	slot      a cell of bytes that holds one event
//	entry     the word that says which slot is published at which position
//	position  the running number of an event in its lane (64 bits, modular)
//	port      a producer's seat: its cells and its intent
//	cell      a slot the port owns and the position it was displaced from
//	intent    the exchange a port is about to do, for whoever recovers it
//	cursor    a reader's position, how many events it has pinned, its gate
//	window    the events a Reader may read in place, of those it has pinned
//	bell      two words a sleeper waits on
//
// # Memory
//
// A lane works on a []byte it is given and knows no files: the same code runs
// over heap memory, where the race detector sees it, and over mapped files.
// Nothing read from that memory is used before it is bounded; a lane whose
// words contradict each other gives errors that wrap ErrCorrupt.
//
// # Concurrency
//
// A Lane is safe for concurrent use. A Producer and a Reader belong to one
// goroutine at a time.
package ring
