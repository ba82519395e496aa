package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rvoip/shmbus/bus"
)

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 999: "999", 1000: "1,000", 9999: "9,999", 10_000: "10.0k", 99_949: "99.9k",
		99_960: "100k", 999_499: "999k", 999_500: "1.00M", 4_560_000: "4.56M", 1 << 40: "1.10T",
		math.MaxUint64: "18.4E",
	} {
		assert.Equal(t, want, count(n), "%d", n)
		assert.LessOrEqual(t, len(count(n)), 6)
	}
}

func TestRate(t *testing.T) {
	for r, want := range map[float64]string{
		0: "0", -1: "0", 0.04: "0.0", 0.5: "0.5", 9.94: "9.9", 9.96: "10", 850.4: "850", 9999: "9,999",
		10_000: "10.0k", 1.2e6: "1.20M", math.Inf(1): "+InfE",
	} {
		assert.Equal(t, want, rate(r), "%v", r)
	}
	assert.Equal(t, "-", rate(unknown))
}

func TestBytesize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 47<<20 + 600<<10: "47.6 MiB", 1<<30 - 1: "1.0 GiB", 5 << 40: "5.0 TiB",
	} {
		assert.Equal(t, want, bytesize(n), "%d", n)
	}
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59*time.Second + 900*time.Millisecond: "59s", time.Minute: "1m",
		119 * time.Minute: "1h", 47 * time.Hour: "47h", 49 * time.Hour: "2d",
	} {
		assert.Equal(t, want, elapsed(d), "%v", d)
	}
}

func TestPlural(t *testing.T) {
	assert.Equal(t, "1 process", plural(1, "process"))
	assert.Equal(t, "0 processes", plural(0, "process"))
	assert.Equal(t, "2 lanes", plural(2, "lane"))
}

func TestPrintableLeavesNothingForTheTerminalToObey(t *testing.T) {
	assert.Equal(t, "a\ufffd[31mb\ufffdc d\ufffde", printable("a\x1b[31mb\u009bc\nd\x00e"))
	assert.Equal(t, "größe ✓", printable("größe ✓"))
	assert.Equal(t, "x\ufffd", printable("x\xff"))
}

func TestTidyCleansEveryNameAndKeepsTheOriginal(t *testing.T) {
	const evil, clean = "\x1b]0;x\a", "\ufffd]0;x\ufffd"
	in := bus.Snapshot{Region: evil, State: evil,
		Lanes:        []bus.LaneInfo{{Name: evil, Policy: evil}},
		Subscribers:  []bus.SubscriberInfo{{Name: evil, Durable: evil, Group: evil, Lane: evil}},
		Groups:       []bus.GroupInfo{{Name: evil, Members: []bus.MemberInfo{{Name: evil}}}},
		Participants: []bus.ParticipantInfo{{Name: evil}},
		Types:        []bus.TypeInfo{{Name: evil, Fields: evil}},
	}
	out := tidy(in)
	assert.Equal(t, bus.Snapshot{Region: clean, State: clean,
		Lanes:        []bus.LaneInfo{{Name: clean, Policy: clean}},
		Subscribers:  []bus.SubscriberInfo{{Name: clean, Durable: clean, Group: clean, Lane: clean}},
		Groups:       []bus.GroupInfo{{Name: clean, Members: []bus.MemberInfo{{Name: clean}}}},
		Participants: []bus.ParticipantInfo{{Name: clean}},
		Types:        []bus.TypeInfo{{Name: clean, Fields: clean}},
	}, out)
	assert.Equal(t, evil, in.Lanes[0].Name)
}

func TestTidyKeepsTheRowsOfASubscriberTogether(t *testing.T) {
	rows := tidy(bus.Snapshot{Subscribers: []bus.SubscriberInfo{
		{ID: 2, Lane: "critical"}, {ID: 1, Lane: "critical"}, {ID: 2, Lane: "high"}, {ID: 1, Lane: "low"},
	}}).Subscribers
	assert.Equal(t, []bus.SubscriberInfo{
		{ID: 1, Lane: "critical"}, {ID: 1, Lane: "low"}, {ID: 2, Lane: "critical"}, {ID: 2, Lane: "high"},
	}, rows)
}

func TestASCIILocale(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"LANG": "C"}, true},
		{map[string]string{"LANG": "de_DE.UTF-8"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "C.utf8"}, false},
		{map[string]string{"LANG": "C.UTF-8", "LC_ALL": "POSIX"}, true},
	} {
		assert.Equal(t, c.want, asciiLocale(func(k string) string { return c.env[k] }), "%v", c.env)
	}
}
