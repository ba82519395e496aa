// Package peer has the peers that are written in Go, each in a file of its own,
// and what they all do alike: be one role of a run.
//
// A peer gives publishers and subscribers of a link. Streams have one link,
// from the publisher to all subscribers; a ping-pong has two, there and back.
package peer
