package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rvoip/shmbus/bus"
)

// printable replaces what could move the cursor, change colours or break a line:
// names in shared memory are a peer's bytes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
}

// tidy returns a snapshot whose names are printable, whose lists are never nil,
// so that JSON has [] for none, and which has the rows of a subscriber together.
func tidy(s bus.Snapshot) bus.Snapshot {
	s.Region, s.State = printable(s.Region), bus.State(printable(string(s.State)))
	s.Lanes = append([]bus.LaneInfo{}, s.Lanes...)
	for i := range s.Lanes {
		s.Lanes[i].Name, s.Lanes[i].Policy = printable(s.Lanes[i].Name), printable(s.Lanes[i].Policy)
	}
	s.Subscribers = append([]bus.SubscriberInfo{}, s.Subscribers...)
	for i := range s.Subscribers {
		sub := &s.Subscribers[i]
		sub.Name, sub.Durable, sub.Lane = printable(sub.Name), printable(sub.Durable), printable(sub.Lane)
		sub.Group = printable(sub.Group)
		sub.Types = append([]string(nil), sub.Types...)
		for j := range sub.Types {
			sub.Types[j] = printable(sub.Types[j])
		}
	}
	slices.SortStableFunc(s.Subscribers, func(a, b bus.SubscriberInfo) int { return cmp.Compare(a.ID, b.ID) })
	s.Participants = append([]bus.ParticipantInfo{}, s.Participants...)
	for i := range s.Participants {
		s.Participants[i].Name = printable(s.Participants[i].Name)
	}
	s.Groups = append([]bus.GroupInfo{}, s.Groups...)
	for i := range s.Groups {
		g := &s.Groups[i]
		g.Name = printable(g.Name)
		g.Members = append([]bus.MemberInfo{}, g.Members...)
		for j := range g.Members {
			g.Members[j].Name = printable(g.Members[j].Name)
		}
	}
	s.Types = append([]bus.TypeInfo{}, s.Types...)
	for i := range s.Types {
		ty := &s.Types[i]
		ty.Name, ty.Fields, ty.Priority = printable(ty.Name), printable(ty.Fields), printable(ty.Priority)
	}
	return s
}

// count shows a number in at most six characters: 0, 9,999, 12.3k, 4.56M.
func count(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10)
	}
	if n < 10_000 {
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return scaled(float64(n))
}

// rate shows events per second in at most six characters.
func rate(r float64) string {
	switch {
	case math.IsNaN(r):
		return "-" // not known yet
	case r <= 0:
		return "0"
	case r < 9.95:
		return strconv.FormatFloat(r, 'f', 1, 64)
	case r < 9999.5:
		return count(uint64(math.Round(r)))
	}
	return scaled(r)
}

func scaled(v float64) string {
	const units = "kMGTPE"
	i := -1
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	digits := 2
	switch {
	case v >= 99.95:
		digits = 0
	case v >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + units[i:i+1]
}

// bytesize shows a size in binary units: 47.6 MiB.
func bytesize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v /= 1024; v < 1023.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// elapsed shows a duration in at most four characters or so: 3s, 4m, 2h, 11d.
func elapsed(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// since shows how long ago a time was that may be unknown.
func since(now, t time.Time) string {
	if t.Unix() <= 0 {
		return "-"
	}
	return elapsed(now.Sub(t))
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if strings.HasSuffix(one, "s") {
		return fmt.Sprintf("%d %ses", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
