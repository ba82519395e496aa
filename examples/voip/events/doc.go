// Package events holds what the processes of the switch say to each other: the
// typed events that cross the bus, and nothing else. It is the whole contract
// between them.
//
// # Who says what
//
//	sipd    CallState     Critical   a call changed its state
//	sipd    SIPMessage    High       a SIP message came or went; tail: its raw bytes
//	rtpd    MediaPort     Critical   the port on which a call's audio is received
//	rtpd    RTPPacket     Normal     a packet came; tail: the packet, as received
//	rtpd    StreamEnd     Normal     the last packet of a call has been published
//	mediad  MediaQuality  Low        how a stream is doing, about once a second
//	mediad  StreamReport  High       how a stream was, once, when it has ended
//
// The bus carries the key of the call ([CallKey]) in the header of each event, so
// all events of a call keep their order within a lane.
package events
