package sipd

import (
	"slices"
	"sync"

	"github.com/emiago/sipgo"
	"github.com/rvoip/shmbus/examples/voip/events"
)

// next lists the states that may follow a state; see the drawing at events.State.
var next = [...][]events.State{
	0:                {events.Offered},
	events.Offered:   {events.Ringing, events.Cancelled, events.Failed},
	events.Ringing:   {events.Answered, events.Cancelled, events.Failed},
	events.Answered:  {events.Confirmed, events.Ended, events.Failed}, // Ended: the ACK was lost
	events.Confirmed: {events.Ended, events.Failed},
	events.Failed:    nil,
}

// call is a call and the state it is in.
type call struct {
	key     uint64
	dialog  *sipgo.DialogServerSession
	publish func(*events.CallState) error

	mu    sync.Mutex // held while publishing, so that events go out in the order of Seq
	event events.CallState
}

func newCall(callID string, publish func(*events.CallState) error) *call {
	c := &call{key: events.CallKey(callID), publish: publish}
	c.event.Call = c.key
	c.event.CallID.SetTruncate(callID)
	return c
}

// media sets what later events say about the call's audio.
func (c *call) media(payload uint8, remote events.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.event.Payload, c.event.Media = payload, remote
}

// to moves the call to s and publishes that. It reports whether s may follow the present
// state: a late or repeated message changes nothing.
func (c *call) to(s events.State, status int) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.event.State; int(now) >= len(next) || !slices.Contains(next[now], s) {
		return false, nil
	}
	c.event.State, c.event.Status = s, uint16(status)
	c.event.Seq++
	return true, c.publish(&c.event)
}
