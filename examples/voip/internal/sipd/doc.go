// Package sipd is the signalling process of the switch: it answers SIP calls over
// UDP, and tells the bus of each message and of each change of a call's state.
//
// # A call
//
//	caller        sipd                    bus                     rtpd
//	INVITE ──►    initiating
//	              MediaStart ────────────────────────────────────► opens a port
//	       ◄── 100
//	       ◄── 180    ringing
//	              ◄────────────────────────────────────── MediaEvent: started
//	              answered
//	       ◄── 200 with the port in the SDP
//	ACK    ──►    active
//	BYE    ──►    terminated
//	              MediaStop ─────────────────────────────────────► closes it
//	       ◄── 200
//
// A state is published before the message that follows from it is sent, so whoever reads
// the bus knows of a call before its first packet can come.
//
// What happens to a SIP message (transactions, retransmissions, matching of CANCEL) is the
// business of sipgo. Bytes are taken from the socket itself, by [tap].
package sipd
