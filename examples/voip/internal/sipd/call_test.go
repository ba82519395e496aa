package sipd

import (
	"testing"

	"github.com/rvoip/shmbus/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func record(out *[]events.CallStateChanged) func(*events.CallStateChanged) error {
	return func(e *events.CallStateChanged) error {
		*out = append(*out, *e)
		return nil
	}
}

func TestCallStates(t *testing.T) {
	type S = events.CallState
	for _, c := range []struct {
		name      string
		try, want []S
	}{
		{"answered", []S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallActive, events.CallTerminated},
			[]S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallActive, events.CallTerminated}},
		{"second ACK", []S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallActive, events.CallActive},
			[]S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallActive}},
		{"lost ACK", []S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallTerminated},
			[]S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallTerminated}},
		{"cancel before the answer", []S{events.CallInitiating, events.CallRinging, events.CallCancelled, events.CallAnswered, events.CallTerminated},
			[]S{events.CallInitiating, events.CallRinging, events.CallCancelled}},
		{"cancel too late", []S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallCancelled, events.CallActive},
			[]S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallActive}},
		{"refused", []S{events.CallInitiating, events.CallFailed, events.CallRinging}, []S{events.CallInitiating, events.CallFailed}},
		{"nothing before the offer", []S{events.CallRinging, events.CallTerminated, events.CallInitiating}, []S{events.CallInitiating}},
		{"nothing after the end", []S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallTerminated, events.CallTerminated, events.CallFailed, events.CallInitiating},
			[]S{events.CallInitiating, events.CallRinging, events.CallAnswered, events.CallTerminated}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []events.CallStateChanged
			call := newCall("a@b", record(&got))
			for _, s := range c.try {
				_, err := call.to(s, 0, 0)
				require.NoError(t, err)
			}
			require.Len(t, got, len(c.want))
			for i, e := range got {
				assert.Equal(t, c.want[i], e.State)
				assert.EqualValues(t, i+1, e.Seq, "a refused change must not leave a gap")
				assert.Equal(t, events.CallKey("a@b"), e.Call)
			}
		})
	}
}
