// Package event has the events of the comparison: how they are written, checked
// and booked. It is the same work as in the bus's own benchmark, so that every
// peer pays the same for its content.
//
//	note, body words made of it, checksum of all before it; little-endian
package event
