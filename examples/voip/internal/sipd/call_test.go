package sipd

import (
	"testing"

	"github.com/rvoip/shmbus/examples/voip/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func record(out *[]events.CallState) func(*events.CallState) error {
	return func(e *events.CallState) error {
		*out = append(*out, *e)
		return nil
	}
}

func TestCallStates(t *testing.T) {
	type S = events.State
	for _, c := range []struct {
		name      string
		try, want []S
	}{
		{"answered", []S{events.Offered, events.Ringing, events.Answered, events.Confirmed, events.Ended},
			[]S{events.Offered, events.Ringing, events.Answered, events.Confirmed, events.Ended}},
		{"second ACK", []S{events.Offered, events.Ringing, events.Answered, events.Confirmed, events.Confirmed},
			[]S{events.Offered, events.Ringing, events.Answered, events.Confirmed}},
		{"lost ACK", []S{events.Offered, events.Ringing, events.Answered, events.Ended},
			[]S{events.Offered, events.Ringing, events.Answered, events.Ended}},
		{"cancel before the answer", []S{events.Offered, events.Ringing, events.Cancelled, events.Answered, events.Ended},
			[]S{events.Offered, events.Ringing, events.Cancelled}},
		{"cancel too late", []S{events.Offered, events.Ringing, events.Answered, events.Cancelled, events.Confirmed},
			[]S{events.Offered, events.Ringing, events.Answered, events.Confirmed}},
		{"refused", []S{events.Offered, events.Failed, events.Ringing}, []S{events.Offered, events.Failed}},
		{"nothing before the offer", []S{events.Ringing, events.Ended, events.Offered}, []S{events.Offered}},
		{"nothing after the end", []S{events.Offered, events.Ringing, events.Answered, events.Ended, events.Ended, events.Failed, events.Offered},
			[]S{events.Offered, events.Ringing, events.Answered, events.Ended}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []events.CallState
			call := newCall("a@b", record(&got))
			for _, s := range c.try {
				_, err := call.to(s, 0)
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
