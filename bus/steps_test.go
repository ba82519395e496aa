package bus

import "github.com/rvoip/shmbus/internal/failpoint"

// Steps lists the steps of this package.
func Steps() []failpoint.Step {
	return []failpoint.Step{
		stepRegionOpen, stepRegionGone, stepStaticOpen, stepStaticOpened, stepStaticClose, stepStaticRemove,
		stepAttach, stepAttached,
		stepTypeLook, stepTypeClaim, stepTypePublish, stepTypeOwner,
		stepSubClaim, stepSubTypes, stepSubServes, stepSubCandidate, stepSubActivate, stepSubResume,
		stepSubHold, stepSubAway, stepSubLeave,
		stepGroupFound, stepGroupMember, stepGroupEnroll, stepGroupLease, stepGroupWhole, stepGroupTake, stepGroupClaim,
		stepGroupLetGo, stepGroupEpoch, stepGroupLeave, stepGroupRemove, stepGroupForget,
		stepRecoverBegin, stepRecoverPort, stepRecoverType, stepRecoverSub, stepRecoverDone,
	}
}
