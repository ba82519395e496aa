// Package events is the catalogue of RVOIP: the typed events that the parts of a switch
// exchange over a bus, each with its lane, and the lanes of a switch to carry them.
//
//	b, err := bus.Open("switch", &bus.Options{Geometry: events.Geometry()})
//	pub, err := bus.NewPublisher[events.CallStateChanged](b, nil)
//
//	ref, err := events.NewRef(callID, sessionID)
//	e := events.CallStateChanged{Ref: ref, State: events.CallRinging, Status: 180}
//	err = pub.PublishWith(ctx, &e, bus.With{Key: e.Call})
//
// # Lanes
//
//	Critical   reliable   control: what calls, dialogs and media are and shall do
//	High       reliable   signalling: SIP messages, transactions, registrations, digits
//	Normal     reliable   media: packets and frames
//	Low        lossy      what is measured and logged
//
// Order holds within a lane and for a key. So what must stay in order takes one lane: an
// [IncomingCall], each [CallStateChanged] of the call and the [MediaStart] that follows from
// it are all Critical; the end of an [RTPStream] comes behind its packets. Between lanes there is
// no order: a call state may be received before the SIP message that brought it about.
//
// # Keys
//
// All events of a call carry the same key, [CallKey] of its Call-ID: publish with
// bus.With{Key: e.Call}. What concerns a user rather than a call, a [Register] say, carries
// [AORKey].
//
// # Fields
//
// Events have a fixed layout: texts have a capacity, numbers a width, addresses are IPv6 with
// IPv4 mapped. What is variable (SDP, headers, raw messages, packets, log messages)
// lies in the tail, and each type says what its tail is. Where it has two parts, [Split] says
// where they lie. A text that is longer than its capacity is for the caller to cut or to refuse:
// SetTruncate or Set.
//
// Filters name fields as they are declared, with the struct that they lie in: "State", "Ref.Session",
// "ID.Method", "Quality.Severity".
//
// How long a tail may be is up to the lane: bus.Publisher.MaxTail says it, and a longer one is
// refused with a *bus.SizeError that names the lane, both sizes and the option to change.
// [Geometry] has room for what is usual, [LargeGeometry] for 64 KiB.
//
// The zero of every enumeration means that nothing is said. Numbers that mean
// nothing may come from another process: String shows them, and a switch needs a default.
package events
