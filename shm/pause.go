//go:build amd64 || arm64

package shm

// Pause executes n PAUSE (amd64) or YIELD (arm64) instructions: what a spinning loop owes to its sibling hyperthread
// and to the memory system. One takes from 10 to 140 cycles. Nothing can preempt it, so keep n below some hundreds.
//
//go:noescape
func Pause(n int)
