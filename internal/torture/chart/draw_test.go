package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const header = "seconds,published,restarts,rss_kib,private_kib,descriptors,threads,stay_private_kib,stay_descriptors,stay_threads,depth"

// Samples become a picture with a panel for each kind of them.
func TestDraw(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "soak.csv"), filepath.Join(t.TempDir(), "soak.svg")
	rows := []string{header, "10,900,1,2048,1024,30,40,512,15,20,3", "20,1900,2,2048,1024,30,40,512,15,20,5", "30,2900,2,2048,1024,30,40,512,15,20,0"}
	require.NoError(t, os.WriteFile(from, []byte(strings.Join(rows, "\n")), 0o600))
	require.NoError(t, draw(from, to))
	text, err := os.ReadFile(to)
	require.NoError(t, err)
	for _, p := range panels {
		assert.Contains(t, string(text), ">"+p.title+"<")
	}
	assert.Equal(t, 1, strings.Count(string(text), "<svg"))
}

// What counts is drawn as how fast it does.
func TestPoints(t *testing.T) {
	rows := [][]string{{"seconds", "published"}, {"60", "600"}, {"120", "1800"}, {"120", "1900"}}
	points, err := series{column: "published", scale: 1, rate: true}.points(rows)
	require.NoError(t, err)
	require.Len(t, points, 1)
	assert.InDelta(t, 20, points[0].Y, 1e-9)
	points, err = series{column: "published", scale: 0.5}.points(rows)
	require.NoError(t, err)
	require.Len(t, points, 3)
	assert.InDelta(t, 900, points[1].Y, 1e-9)
}

func TestDrawOfNoSamples(t *testing.T) {
	to := filepath.Join(t.TempDir(), "soak.svg")
	require.ErrorIs(t, draw(filepath.Join(t.TempDir(), "none"), to), os.ErrNotExist)
	for content, want := range map[string]string{
		header:                           "has no samples",
		"a,b\n1,2\n3,4\n":                "no column",
		header + "\n1,2\n":               "read",
		"seconds,rss_kib\n1,2\n3,many\n": "row 2",
	} {
		from := filepath.Join(t.TempDir(), "soak.csv")
		require.NoError(t, os.WriteFile(from, []byte(content), 0o600))
		require.ErrorContains(t, draw(from, to), want)
	}
	assert.NoFileExists(t, to)
}
