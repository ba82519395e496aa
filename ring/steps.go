package ring

import "github.com/rvoip/shmbus/internal/failpoint"

// Steps of the protocol at which tests kill and freeze processes: before each
// access to shared memory that another process could notice.
const (
	stepScan          failpoint.Step = "producer/scan"
	stepFill          failpoint.Step = "producer/fill"
	stepLoadTail      failpoint.Step = "producer/load-tail"
	stepLoadEntry     failpoint.Step = "producer/load-entry"
	stepHelpTail      failpoint.Step = "producer/help-tail"
	stepHelpIntent    failpoint.Step = "producer/help-intent"
	stepIntent        failpoint.Step = "producer/store-intent"
	stepExchange      failpoint.Step = "producer/exchange"
	stepBook          failpoint.Step = "producer/book-cell"
	stepTail          failpoint.Step = "producer/move-tail"
	stepPublished     failpoint.Step = "producer/published"
	stepBatchNext     failpoint.Step = "producer/batch-next"
	stepWant          failpoint.Step = "producer/want-room"
	stepRoomWait      failpoint.Step = "producer/room-wait"
	stepPortClaim     failpoint.Step = "producer/port-claimed"
	stepPortRelease   failpoint.Step = "producer/port-release"
	stepEvict         failpoint.Step = "producer/evict"
	stepJoinReserve   failpoint.Step = "joiner/reserve"
	stepJoinSum       failpoint.Step = "joiner/sum-up"
	stepJoinHigh      failpoint.Step = "joiner/raise-high"
	stepJoinStore     failpoint.Step = "joiner/store-cursor"
	stepJoinBump      failpoint.Step = "joiner/bump-generation"
	stepJoinReread    failpoint.Step = "joiner/reread-tail"
	stepUnhold        failpoint.Step = "joiner/clear-hold"
	stepJoinOwed      failpoint.Step = "joiner/store-owed"
	stepJoined        failpoint.Step = "joiner/joined"
	stepLook          failpoint.Step = "reader/look"
	stepPin           failpoint.Step = "reader/pin"
	stepRead          failpoint.Step = "reader/read"
	stepMove          failpoint.Step = "reader/move-cursor"
	stepTold          failpoint.Step = "reader/clear-owed"
	stepRoomWake      failpoint.Step = "reader/room-wake"
	stepLeave         failpoint.Step = "reader/leave"
	stepHold          failpoint.Step = "reader/store-hold"
	stepHoldBump      failpoint.Step = "reader/bump-generation"
	stepRecoverLook   failpoint.Step = "recoverer/load-intent"
	stepRecoverEntry  failpoint.Step = "recoverer/load-entry"
	stepRecoverReread failpoint.Step = "recoverer/reread-intent"
	stepRecoverCell   failpoint.Step = "recoverer/store-cell"
	stepRecoverClear  failpoint.Step = "recoverer/clear-intent"
	stepRecoverFree   failpoint.Step = "recoverer/free-port"
	stepRecoverCursor failpoint.Step = "recoverer/clear-cursor"
	stepBellArm       failpoint.Step = "sleeper/arm"
	stepBellWait      failpoint.Step = "sleeper/wait"
	stepBellClear     failpoint.Step = "waker/clear-interest"
	stepBellCount     failpoint.Step = "waker/count"
	stepBellWake      failpoint.Step = "waker/wake"
)

// Steps lists every step of the protocol at which this package reports to
// the failpoint package, in the order of the protocol.
func Steps() []failpoint.Step {
	return []failpoint.Step{
		stepScan, stepFill, stepLoadTail, stepLoadEntry, stepHelpTail, stepHelpIntent, stepIntent,
		stepExchange, stepBook, stepTail, stepPublished, stepBatchNext, stepWant, stepRoomWait,
		stepPortClaim, stepPortRelease, stepEvict,
		stepJoinReserve, stepJoinSum, stepJoinHigh, stepJoinStore, stepJoinBump, stepJoinReread, stepJoinOwed, stepUnhold, stepJoined,
		stepLook, stepPin, stepRead, stepMove, stepTold, stepRoomWake, stepLeave, stepHold, stepHoldBump,
		stepRecoverLook, stepRecoverEntry, stepRecoverReread, stepRecoverCell, stepRecoverClear,
		stepRecoverFree, stepRecoverCursor,
		stepBellArm, stepBellWait, stepBellClear, stepBellCount, stepBellWake,
	}
}
