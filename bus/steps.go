package bus

import "github.com/rvoip/shmbus/internal/failpoint"

// Steps at which tests kill and freeze a process, beside those of package ring.
const (
	stepAttach       failpoint.Step = "participant/lock-taken"
	stepAttached     failpoint.Step = "participant/attached"
	stepTypeLook     failpoint.Step = "type/look"
	stepTypeClaim    failpoint.Step = "type/record-claimed"
	stepTypePublish  failpoint.Step = "type/publish"
	stepTypeOwner    failpoint.Step = "type/store-owner"
	stepSubClaim     failpoint.Step = "subscription/record-claimed"
	stepSubTypes     failpoint.Step = "subscription/store-types"
	stepSubCandidate failpoint.Step = "subscription/candidate"
	stepSubServes    failpoint.Step = "subscription/store-serves"
	stepSubActivate  failpoint.Step = "subscription/activate"
	stepSubResume    failpoint.Step = "subscription/resume"
	stepSubHold      failpoint.Step = "subscription/store-hold"
	stepSubAway      failpoint.Step = "subscription/store-since"
	stepSubLeave     failpoint.Step = "subscription/leave"
	stepGroupFound   failpoint.Step = "group/found"
	stepGroupMember  failpoint.Step = "group/member"
	stepGroupEnroll  failpoint.Step = "group/enroll"
	stepGroupLease   failpoint.Step = "group/make-lease"
	stepGroupWhole   failpoint.Step = "group/whole"
	stepGroupClaim   failpoint.Step = "group/lease-claimed"
	stepGroupLetGo   failpoint.Step = "group/let-go"
	stepGroupEpoch   failpoint.Step = "group/bump-epoch"
	stepGroupLeave   failpoint.Step = "group/leave"
	stepGroupRemove  failpoint.Step = "group/remove"
	stepGroupForget  failpoint.Step = "group/forget-lease"
	stepRecoverBegin failpoint.Step = "recovery/begin"
	stepRecoverPort  failpoint.Step = "recovery/ports"
	stepRecoverType  failpoint.Step = "recovery/types"
	stepRecoverSub   failpoint.Step = "recovery/subscriptions"
	stepRecoverDone  failpoint.Step = "recovery/done"
)

// Steps lists the steps of this package.
func Steps() []failpoint.Step {
	return []failpoint.Step{
		stepAttach, stepAttached,
		stepTypeLook, stepTypeClaim, stepTypePublish, stepTypeOwner,
		stepSubClaim, stepSubTypes, stepSubServes, stepSubCandidate, stepSubActivate, stepSubResume,
		stepSubHold, stepSubAway, stepSubLeave,
		stepGroupFound, stepGroupMember, stepGroupEnroll, stepGroupLease, stepGroupWhole, stepGroupClaim,
		stepGroupLetGo, stepGroupEpoch, stepGroupLeave, stepGroupRemove, stepGroupForget,
		stepRecoverBegin, stepRecoverPort, stepRecoverType, stepRecoverSub, stepRecoverDone,
	}
}
