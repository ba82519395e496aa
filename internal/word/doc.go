// Package word gives atomic words inside shared bytes. The functions panic, as
// slicing does, when the word does not lie in the bytes; alignment is the
// caller's: every structure of a region starts on a cache line.
package word
