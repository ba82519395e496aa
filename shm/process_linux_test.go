package shm

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSelf(t *testing.T) {
	p := Self()
	assert.Equal(t, os.Getpid(), p.PID)
	assert.NotZero(t, p.Start)
	alive, known := p.Alive()
	assert.True(t, alive)
	assert.True(t, known)

	p.Start++
	alive, known = p.Alive()
	assert.False(t, alive, "the id was used again")
	assert.True(t, known)

	p.Start = 0
	alive, known = p.Alive()
	assert.True(t, alive)
	assert.False(t, known, "somebody of that id lives, but whether it is the one meant?")

	for _, pid := range []int{0, -1} {
		_, known = Process{PID: pid}.Alive()
		assert.False(t, known)
	}
}

func TestParseStat(t *testing.T) {
	const tail = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21\n"
	for _, name := range []string{"(go)", "(a b)", "()", "(x) R 1 (y)", "(\n)"} {
		state, start, err := parseStat([]byte("42 " + name + tail))
		require.NoError(t, err, name)
		assert.Equal(t, byte('S'), state, name)
		assert.EqualValues(t, 777, start, name)
	}
	for _, stat := range []string{"", "42 (go", "42 (go) S 1 2 3", "42 (go) S" + tail[2:20]} {
		_, _, err := parseStat([]byte(stat))
		assert.Error(t, err, stat)
	}
}
