// Package payload has the events that benchmarks send and how their content is
// written and checked.
//
// Every event says who published it and with which running number, and ends
// with a checksum over all that stands before:
//
//	sized value, 8-byte words        small head, then a tail
//	+-------------------------+      +----------+----------+---------------+
//	| note: pub, seq, last    |      | note     | checksum | tail bytes    |
//	| body words, of seq      |      +----------+----------+---------------+
//	| checksum of the above   |                   over note and tail
//	+-------------------------+
//
// The checksum is two running sums (as in Fletcher's), over 64-bit words: it
// costs about an addition a word, and sees a word that changed, moved or stems
// from another event.
package payload
