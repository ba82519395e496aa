package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test binary is the agent, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		if err := Serve(context.Background(), os.Stdin, os.Stdout, testRoles); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The race detector lets each process sleep a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

type pair struct{ PID, N int }

type closer struct{ io.Writer }

func (c closer) Close() error {
	_, err := fmt.Fprintln(c, "closed")
	return err
}

var testRoles = map[string]Role{
	"count": func(ctx context.Context, st *Station, config []byte) (any, error) {
		var n int
		if err := json.Unmarshal(config, &n); err != nil {
			return nil, err
		}
		st.Ready()
		if err := st.AwaitGo(ctx); err != nil {
			return nil, err
		}
		st.Begin()
		st.Count.Store(uint64(n))
		st.End(uint64(n))
		<-st.Draining()
		if st.Total() != 9 {
			return nil, fmt.Errorf("told of %d events", st.Total())
		}
		return pair{os.Getpid(), n}, nil
	},
	"fail": func(context.Context, *Station, []byte) (any, error) { return nil, errors.New("no luck") },
	"die": func(context.Context, *Station, []byte) (any, error) {
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(3)
		return nil, nil
	},
	"babble": func(context.Context, *Station, []byte) (any, error) {
		fmt.Println("this is not a note")
		select {}
	},
	"hang": func(_ context.Context, st *Station, _ []byte) (any, error) {
		st.Ready()
		select {}
	},
	"obey": func(ctx context.Context, st *Station, _ []byte) (any, error) {
		st.Ready()
		<-ctx.Done()
		return nil, context.Cause(ctx)
	},
	"when": func(_ context.Context, st *Station, _ []byte) (any, error) { return st.GoneAt(), nil },
	"share": func(_ context.Context, st *Station, _ []byte) (any, error) {
		v, err := st.Shared("it", func() (any, error) { return &pair{N: 1}, nil })
		return fmt.Sprintf("%p", v), err
	},
}

func spec(t *testing.T, kind string, config any) Spec {
	t.Helper()
	s, err := NewSpec(kind, config)
	require.NoError(t, err)
	return s
}

func newCrew(t *testing.T, o *CrewOptions) *Crew {
	t.Helper()
	c, err := NewCrew(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestEachRoleHasItsProcess(t *testing.T) {
	c := newCrew(t, &CrewOptions{Counts: true})
	var ms []*Member
	for i := range 3 {
		p, err := c.Start(spec(t, "count", i+1))
		require.NoError(t, err)
		ms = append(ms, p.Members[0])
	}
	for _, m := range ms {
		require.NoError(t, m.AwaitReady())
	}
	c.Go()
	c.Drain(9)
	pids := map[int]bool{os.Getpid(): true}
	for i, m := range ms {
		var r pair
		require.NoError(t, m.AwaitDone(&r))
		assert.Equal(t, i+1, r.N)
		assert.EqualValues(t, i+1, m.Count())
		assert.False(t, pids[r.PID], "two roles in process %d", r.PID)
		pids[r.PID] = true
	}
	us, err := c.Usage()
	require.NoError(t, err)
	var events uint64
	for _, u := range us {
		events += u.Events
	}
	assert.EqualValues(t, 6, events)
}

func TestRolesMayShareAProcess(t *testing.T) {
	c := newCrew(t, nil)
	p, err := c.Start(spec(t, "count", 2), spec(t, "count", 5))
	require.NoError(t, err)
	c.Go()
	c.Drain(9)
	for i, n := range []int{2, 5} {
		var r pair
		require.NoError(t, p.Members[i].AwaitDone(&r))
		assert.Equal(t, pair{p.PID(), n}, r)
	}
	us, err := c.Usage()
	require.NoError(t, err)
	require.Len(t, us, 1)
	assert.EqualValues(t, 7, us[0].Events)

	q, err := c.Start(spec(t, "share", nil), spec(t, "share", nil))
	require.NoError(t, err)
	var a, b string
	require.NoError(t, q.Members[0].AwaitDone(&a))
	require.NoError(t, q.Members[1].AwaitDone(&b))
	assert.Equal(t, a, b)
}

func TestAFailureEndsTheCrew(t *testing.T) {
	for kind, says := range map[string]string{
		"fail":    "no luck",
		"die":     "last words",
		"babble":  "ended early",
		"unknown": `no role is called "unknown"`,
	} {
		t.Run(kind, func(t *testing.T) {
			c := newCrew(t, nil)
			h, err := c.Start(spec(t, "hang", nil))
			require.NoError(t, err)
			p, err := c.Start(spec(t, kind, nil))
			require.NoError(t, err)
			var v any
			require.ErrorContains(t, p.Members[0].AwaitDone(&v), says)
			require.ErrorContains(t, h.Members[0].AwaitDone(&v), says)
			_, err = c.Start(spec(t, "hang", nil))
			require.ErrorContains(t, err, says)
			c.Close()
			assert.False(t, alive(h), "a hung agent outlived its crew")
		})
	}
}

func alive(p *Proc) bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func TestCloseKillsWhatHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c, err := NewCrew(ctx, nil)
	require.NoError(t, err)
	p, err := c.Start(spec(t, "hang", nil))
	require.NoError(t, err)
	require.NoError(t, p.Members[0].AwaitReady())
	cancel()
	var v any
	require.ErrorIs(t, p.Members[0].AwaitDone(&v), context.Canceled)
	require.True(t, alive(p))
	c.Close()
	require.False(t, alive(p))
	c.Close()
}

func TestAgentEndsWithItsInput(t *testing.T) {
	release := make(chan struct{})
	for kind, role := range map[string]Role{
		"obey": testRoles["obey"],
		"hang": func(_ context.Context, st *Station, _ []byte) (any, error) {
			st.Ready()
			<-release
			return nil, nil
		},
	} {
		in, w := io.Pipe()
		out, notes := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- Serve(context.Background(), in, notes, map[string]Role{kind: role}) }()
		go func() { _ = json.NewEncoder(w).Encode(order{Roles: []Spec{{Kind: kind}}}) }()
		var n note
		require.NoError(t, json.NewDecoder(out).Decode(&n))
		require.Equal(t, noteReady, n.Kind)
		go func() { _, _ = io.Copy(io.Discard, out) }()
		require.NoError(t, w.Close())
		if err := <-ended; kind == "hang" {
			require.ErrorIs(t, err, ErrOrphaned)
			close(release)
		}
		require.NoError(t, out.Close())
	}
}

func TestAgentWantsOrders(t *testing.T) {
	require.Error(t, Serve(context.Background(), strings.NewReader("nonsense"), io.Discard, nil))
}

func TestSharedIsClosedAtTheEnd(t *testing.T) {
	var s shared
	var b bytes.Buffer
	for range 2 {
		_, err := s.get("k", func() (any, error) { return closer{&b}, nil })
		require.NoError(t, err)
	}
	_, err := s.get("bad", func() (any, error) { return nil, errors.New("cannot") })
	require.ErrorContains(t, err, "cannot")
	require.NoError(t, s.close())
	require.NoError(t, s.close())
	assert.Equal(t, "closed\n", b.String())
}

func TestTailKeepsTheEnd(t *testing.T) {
	var l tail
	assert.Empty(t, l.said())
	for range 100 {
		_, _ = l.Write(bytes.Repeat([]byte("x"), 100))
	}
	_, _ = l.Write([]byte("end"))
	assert.True(t, strings.HasSuffix(l.said(), "xend"))
	assert.LessOrEqual(t, len(l.said()), tailSize+50)
}

func TestStruckAgentsDoNotEndTheCrew(t *testing.T) {
	c := newCrew(t, nil)
	victim, err := c.Start(spec(t, "obey", nil))
	require.NoError(t, err)
	require.NoError(t, victim.Members[0].AwaitReady())
	require.NoError(t, victim.Freeze())
	require.NoError(t, victim.Thaw())
	require.NoError(t, victim.Freeze())
	victim.Kill() // also while it is frozen
	require.Error(t, victim.Thaw(), "it is gone")

	other, err := c.Start(spec(t, "count", 4))
	require.NoError(t, err)
	require.NoError(t, other.Members[0].AwaitReady())
	require.NoError(t, other.Go())
	c.Drain(9)
	var got pair
	require.NoError(t, other.Members[0].AwaitDone(&got))
	assert.Equal(t, 4, got.N)
	us, err := c.Usage()
	require.NoError(t, err)
	assert.Len(t, us, 2)
}

func TestGoTellsAllTheSameTime(t *testing.T) {
	c := newCrew(t, nil)
	var members []*Member
	for range 2 {
		p, err := c.Start(spec(t, "when", nil))
		require.NoError(t, err)
		members = append(members, p.Members[0])
	}
	c.Go()
	var at [2]int64
	for i, m := range members {
		require.NoError(t, m.AwaitDone(&at[i]))
	}
	assert.Positive(t, at[0])
	assert.Equal(t, at[0], at[1])
}
