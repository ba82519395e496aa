package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/rvoip/shmbus/bus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type testReport struct{ N int }

func lines(t *testing.T, out string) (ls []Line) {
	t.Helper()
	for raw := range strings.Lines(out) {
		var l Line
		require.NoError(t, json.Unmarshal([]byte(raw), &l))
		ls = append(ls, l)
	}
	return ls
}

func TestReadyThenReport(t *testing.T) {
	n := 0
	p := Program{
		Name:  "p",
		Flags: func(fs *flag.FlagSet) { fs.IntVar(&n, "n", 0, "") },
		Run: func(ctx context.Context, env *Env) (any, error) {
			assert.Equal(t, "here", env.Bus.Name())
			require.NoError(t, env.Ready(Ready{SIP: "x:1"}))
			<-ctx.Done() // standard input has ended
			return testReport{n}, nil
		},
	}
	dir := t.TempDir()
	var out bytes.Buffer
	err := p.main(context.Background(), []string{"-attended", "-bus", "here", "-dir", dir, "-n", "7"}, strings.NewReader(""), &out, io.Discard)
	require.NoError(t, err)
	ls := lines(t, out.String())
	require.Len(t, ls, 2)
	assert.Equal(t, "x:1", ls[0].Ready.SIP)
	assert.JSONEq(t, `{"N":7}`, string(ls[1].Report))
	require.NoError(t, bus.Remove("here", &bus.Options{Dir: dir}), "the bus has been left")
}

func TestFailureKeepsTheReport(t *testing.T) {
	broken := errors.New("broken")
	p := Program{Name: "p", NoBus: true, Run: func(context.Context, *Env) (any, error) { return testReport{1}, broken }}
	var out bytes.Buffer
	err := p.main(context.Background(), nil, strings.NewReader(""), &out, io.Discard)
	require.ErrorIs(t, err, broken)
	require.Len(t, lines(t, out.String()), 1)
}

func TestFlags(t *testing.T) {
	p := Program{Name: "p", NoBus: true, Run: func(context.Context, *Env) (any, error) {
		t.Error("must not run")
		return nil, nil
	}}
	for _, args := range [][]string{{"-h"}, {"-bus", "x"}, {"-nonsense"}} {
		assert.Error(t, p.main(context.Background(), args, strings.NewReader(""), io.Discard, io.Discard), args)
	}
}
