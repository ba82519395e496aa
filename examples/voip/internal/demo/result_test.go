package demo

import (
	"math"
	"strings"
	"testing"

	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/caller"
	"github.com/rvoip/shmbus/examples/voip/internal/rtpd"
	"github.com/rvoip/shmbus/examples/voip/internal/sipd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func goodResult() *result {
	r := &result{
		options: options{Calls: 2, Seconds: 1, Level: -10},
		caller:  caller.Report{Offered: 2, Answered: 2, Ended: 2, Packets: 100},
		sipd:    sipd.Report{Offered: 2, Answered: 2, Confirmed: 2, Ended: 2, States: 10, MessagesIn: 6, MessagesOut: 8},
		rtpd:    rtpd.Report{Counts: rtpd.Counts{Received: 100, Published: 100}},
		streams: []events.StreamReport{
			{Quality: events.Quality{Ref: events.Ref{Call: 1}, Level: -10.1}}, {Quality: events.Quality{Ref: events.Ref{Call: 2}, Level: -9.9}},
		},
	}
	r.mediad.States, r.mediad.Messages, r.mediad.Packets = 10, 14, 100
	return r
}

// A check that cannot fail proves nothing: each of these must.
func TestProblems(t *testing.T) {
	require.Empty(t, goodResult().problems())
	for name, spoil := range map[string]func(*result){
		"call not offered":      func(r *result) { r.caller.Offered-- },
		"call failed":           func(r *result) { r.caller.Failed++ },
		"call not ended":        func(r *result) { r.sipd.Ended-- },
		"call cancelled":        func(r *result) { r.sipd.Cancelled++ },
		"call state lost":       func(r *result) { r.mediad.States-- },
		"call state twice":      func(r *result) { r.mediad.States++ },
		"gap in a call":         func(r *result) { r.mediad.StateGaps++ },
		"SIP message lost":      func(r *result) { r.mediad.Messages-- },
		"packet lost":           func(r *result) { r.mediad.Packets-- },
		"packet not published":  func(r *result) { r.rtpd.Published--; r.mediad.Packets-- },
		"packet missing":        func(r *result) { r.mediad.Missing++ },
		"packet of no call":     func(r *result) { r.mediad.Unknown++ },
		"lag":                   func(r *result) { r.mediad.Lagged++ },
		"stream not measured":   func(r *result) { r.streams = r.streams[:1] },
		"wrong level":           func(r *result) { r.streams[0].Level = -10.5 },
		"no audio":              func(r *result) { r.streams[1].Level = float32(math.Inf(-1)) },
		"level is no number":    func(r *result) { r.streams[1].Level = float32(math.NaN()) },
		"kill not carried out":  func(r *result) { r.options.Kill = "mediad" },
		"sipd could not tell":   func(r *result) { r.sipd.Unpublished++ },
		"mediad could not tell": func(r *result) { r.mediad.Unreported++ },
	} {
		r := goodResult()
		spoil(r)
		assert.NotEmpty(t, r.problems(), name)
		var out strings.Builder
		r.print(&out)
		assert.Contains(t, out.String(), "does not add up", name)
	}
}

func TestLossBeforeTheBusIsShownAndNoProblem(t *testing.T) {
	r := goodResult()
	r.rtpd.Received, r.rtpd.Published, r.mediad.Packets, r.rtpd.NotReceived = 97, 97, 97, 2
	assert.Empty(t, r.problems())
	gaps, sum := r.notReceived()
	assert.EqualValues(t, 2, gaps)
	assert.EqualValues(t, 3, sum)
}

func TestSIPpStatistics(t *testing.T) {
	row, err := lastRow("StartTime;TotalCallCreated;SuccessfulCall(C);FailedCall(C);\n" +
		"2026-01-01\t10:00:00;1;0;0;\n2026-01-01\t10:00:00;25;24;1;\n")
	require.NoError(t, err)
	assert.Equal(t, 25, row["TotalCallCreated"])
	assert.Equal(t, 24, row["SuccessfulCall(C)"])
	assert.Equal(t, 1, row["FailedCall(C)"])

	for name, text := range map[string]string{"empty": "", "head only": "A;B\n", "other columns": "A;B\n1;2\n"} {
		_, err := lastRow(text)
		assert.Error(t, err, name)
	}
}

func TestTook(t *testing.T) {
	assert.Equal(t, "9.9 µs", took(9_900))
	assert.Equal(t, "1.72 ms", took(1_720_000))
	assert.Equal(t, "2.1 s", took(2_100_000_000))
}
