package sipd

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"

	"github.com/emiago/sipgo"
	"github.com/rvoip/shmbus/events"
)

// next lists the states that may follow a state; see the drawing at events.CallState.
// No call of this server is put on hold or transferred.
var next = [events.CallFailed + 1][]events.CallState{
	0:                     {events.CallInitiating},
	events.CallInitiating: {events.CallRinging, events.CallCancelled, events.CallFailed},
	events.CallRinging:    {events.CallAnswered, events.CallCancelled, events.CallFailed},
	events.CallAnswered:   {events.CallActive, events.CallTerminated, events.CallFailed}, // Terminated: the ACK was lost
	events.CallActive:     {events.CallTerminated, events.CallFailed},
}

// call is a call and the state it is in.
type call struct {
	ref     events.Ref
	dialog  *sipgo.DialogServerSession
	publish func(*events.CallStateChanged) error

	mu    sync.Mutex // held while publishing, so that events go out in the order of Seq
	event events.CallStateChanged
	media bool // has been started
}

func newCall(callID string, publish func(*events.CallStateChanged) error) *call {
	c := &call{ref: events.Ref{Call: events.CallKey(callID)}, publish: publish}
	c.ref.Session.SetTruncate(newSession()) // it fits
	c.event.Ref, c.event.Role = c.ref, events.RoleUAS
	c.event.CallID.SetTruncate(callID)
	return c
}

// newSession returns a name for a call that no other has: "session-" and a UUID.
func newSession() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("session-%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// to moves the call to s and publishes that. It reports whether s may follow the present
// state: a late or repeated message changes nothing.
func (c *call) to(s events.CallState, status int, cause events.Cause) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.event.State
	if !slices.Contains(next[now], s) {
		return false, nil
	}
	c.event.Previous, c.event.State, c.event.Status, c.event.Cause = now, s, uint16(status), cause
	c.event.Seq++
	return true, c.publish(&c.event)
}

// start calls publish unless the call's media have been started, or it is over. Its end cannot overtake
// that.
func (c *call) start(publish func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.media || c.event.State.Final() {
		return nil
	}
	c.media = true
	return publish()
}

// started reports whether the call's media have been started.
func (c *call) started() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.media
}
