package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/bench/runs"
)

func load(t *testing.T, names ...string) []*runs.Run {
	t.Helper()
	for i, n := range names {
		names[i] = "testdata/" + n
	}
	rs, err := runs.LoadFiles(names, nil)
	require.NoError(t, err)
	return rs
}

func parse(t *testing.T, data string) []*runs.Run {
	t.Helper()
	rs, err := runs.Parse("made.json", []byte(data))
	require.NoError(t, err)
	return rs
}

func html(t *testing.T, rs []*runs.Run) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, New(rs).WriteHTML(&b))
	return b.String()
}

// everything is one run or more of each workload, with peers.
func everything(t *testing.T) []*runs.Run {
	return load(t, "runs.json", "peers.json")
}

// elements checks that a page is well-formed and counts its elements.
func elements(t *testing.T, page string) map[string]int {
	t.Helper()
	count := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		require.NoError(t, err)
		if e, ok := tok.(xml.StartElement); ok {
			count[e.Name.Local]++
			for _, a := range e.Attr {
				assert.NotContains(t, []string{"src", "href", "srcset", "action"}, a.Name.Local, "<%s> refers to something", e.Name.Local)
			}
		}
	}
}

func TestThePageIsWellFormedAndWhole(t *testing.T) {
	rs := everything(t)
	page := html(t, rs)
	n := elements(t, page)
	cs := runs.Cases(rs)
	for _, w := range runs.Workloads(cs) {
		has(t, page, `<section id="`+w+`">`)
	}
	assert.Len(t, runs.Workloads(cs), 9, "the test data lacks a workload")
	assert.Equal(t, 9, n["section"])
	assert.Equal(t, n["figure"], n["svg"])
	assert.GreaterOrEqual(t, n["svg"], 9)
	assert.Equal(t, len(runs.Cases(runs.WithSteps(rs)))+1, n["tr"], "a line for each configuration, and for each step")
	for _, c := range cs {
		has(t, page, escaped(c.Name()))
	}
	has(t, page, "made up CPU", "v0.0.0-made-up", "2026-03-01 10:01 to", "crash: longest stall")
}

// has checks that a page has texts, without printing it.
func has(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		assert.Contains(t, page, s, "the page lacks %s", s)
	}
}

// escaped is a text as html/template writes it.
func escaped(s string) string { return strings.ReplaceAll(s, "+", "&#43;") }

func TestThePageNeedsNothingElse(t *testing.T) {
	page := html(t, everything(t))
	for _, outside := range []string{"http:", "https:", "//", "@import", "url(", "<script", "<link", "<img", "<iframe", "xlink"} {
		assert.NotContains(t, page, outside, "the page has %s in it", outside)
	}
}

// TestChartsTakeTheirColoursFromThePage finds drawings that would not follow a
// dark scheme.
func TestChartsTakeTheirColoursFromThePage(t *testing.T) {
	page := html(t, everything(t))
	_, body, _ := strings.Cut(page, "</style>")
	assert.Empty(t, regexp.MustCompile(`#[0-9A-Fa-f]{6}`).FindAllString(body, -1))
	for _, v := range regexp.MustCompile(`var\(--(\w+)\)`).FindAllStringSubmatch(page, -1) {
		assert.True(t, slices.ContainsFunc(tones(), func(t tone) bool { return t.name == v[1] }), "no colour is called %s", v[1])
	}
	seen := map[string]bool{}
	for _, tone := range tones() {
		assert.False(t, seen[tone.light], "two tones look like %s", tone.light)
		seen[tone.light] = true
	}
}

func TestForeignTextIsEscaped(t *testing.T) {
	page := html(t, parse(t, `{"workload":"<b>&","peer":"<script>alert(1)</script>","published_per_s":5,"ratio":1,"ratio_of":"<i>",
		"config":{"a\"<":"<u>"},"machine":{"model":"<s>"}}`))
	elements(t, page)
	for _, raw := range []string{"<b>", "<script", "<i>", "<s>", "<u>"} {
		assert.NotContains(t, page, raw, "%s is not escaped", raw)
	}
	has(t, page, "&lt;script&gt;")
}

func TestDrawingsStayWithinTheirCharts(t *testing.T) {
	for _, s := range New(everything(t)).sections {
		for _, c := range s.charts {
			svg, err := c.svg()
			require.NoError(t, err)
			assert.NotContains(t, svg, "NaN", c.title)
			assert.NotContains(t, svg, "Inf", c.title)
			for _, m := range regexp.MustCompile(`[ML]([-0-9.e]+),([-0-9.e]+)`).FindAllStringSubmatch(svg, -1) {
				var x, y float64
				_, err := fmt.Sscan(m[1]+" "+m[2], &x, &y)
				require.NoError(t, err)
				assert.True(t, x >= -1 && x <= chartWidth+1 && y >= -1 && y <= c.total().Points()+1, "%s: %s", c.title, m[0])
			}
		}
	}
}

func picture(t *testing.T, rs []*runs.Run) image.Image {
	t.Helper()
	var b bytes.Buffer
	r := New(rs)
	r.dpi = 60 // quicker
	require.NoError(t, r.WritePNG(&b))
	img, err := png.Decode(&b)
	require.NoError(t, err)
	return img
}

func TestThePictureShowsEveryPart(t *testing.T) {
	rs := everything(t)
	img := picture(t, rs)
	pixels, ok := img.(*image.RGBA)
	require.True(t, ok, "%T", img)
	size := img.Bounds()
	// No band of the picture, as high as a chart, is blank, and all tones are
	// somewhere.
	white := bytes.Repeat([]byte{0xff}, pixels.Stride)
	blank, most := 0, 0
	found := map[[3]byte]bool{}
	for y := range size.Dy() {
		line := pixels.Pix[y*pixels.Stride:][:pixels.Stride]
		if blank++; !bytes.Equal(line, white) {
			blank = 0
			for x := 0; x < len(line); x += 4 {
				found[[3]byte(line[x:])] = true
			}
		}
		most = max(most, blank)
	}
	assert.Less(t, most, plotHeight)
	for _, tone := range []tone{paper, ink, quiet, ours, other, floor, series[1]} {
		r, g, b, _ := tone.color().RGBA()
		assert.True(t, found[[3]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}], "no %s in the picture", tone.name)
	}
	// More runs make more picture.
	assert.Greater(t, size.Dy(), picture(t, rs[:1]).Bounds().Dy())
}

func TestAPictureCanBeTooLong(t *testing.T) {
	var b strings.Builder
	for i := range 1600 {
		fmt.Fprintf(&b, `{"workload":"fanout","config":{"size":%d},"published_per_s":%d}`, i+16, i+1)
	}
	rs := parse(t, b.String())
	err := New(rs).WritePNG(io.Discard)
	assert.ErrorContains(t, err, "leave out -png")
	elements(t, html(t, rs))
}

func TestLossIsSeen(t *testing.T) {
	page := html(t, parse(t, `{"workload":"fanout","lost":3,"published_per_s":1,"config":{"policy":"reliable"}}
		{"workload":"seed","lost":4,"published_per_s":1,"config":{"policy":"lossy"}}
		{"workload":"seed","corrupt":2,"published_per_s":1}`))
	has(t, page, `<td class=" wrong">3</td>`, `<td class="">4</td>`, `<td class=" wrong">0<small>2 wrong or out of order</small></td>`)
}

func TestARunOfNothingHasALineAndNoChart(t *testing.T) {
	page := html(t, parse(t, `{"workload":"novel"}`))
	n := elements(t, page)
	assert.Zero(t, n["svg"])
	has(t, page, `<section id="novel">`, "time not recorded")
	picture(t, parse(t, `{"workload":"novel"}`))
}

func TestPeersStandBesideOurs(t *testing.T) {
	gs := groups(runs.Cases(parse(t, `
		{"workload":"seed","peer":"slow","config":{"pubs":1,"subs":5},"published_per_s":1}
		{"workload":"seed","peer":"quick","config":{"pubs":1,"subs":5},"published_per_s":9}
		{"workload":"seed","config":{"pubs":1,"subs":5,"capacity":7},"published_per_s":3}
		{"workload":"seed","config":{"pubs":1,"subs":3},"published_per_s":3}`)))
	require.Len(t, gs, 2)
	var names []string
	for _, r := range gs[0].rows {
		names = append(names, r.name)
	}
	assert.Equal(t, []string{"shmbus", "quick", "slow"}, names)
}

func TestTicks(t *testing.T) {
	var names []string
	for _, k := range (evenly{shortNS}).Ticks(0, 600) {
		names = append(names, k.Label)
	}
	assert.Equal(t, []string{"0 ns", "200 ns", "400 ns", "600 ns"}, names)
	names = nil
	for _, k := range (decades{shortNS}).Ticks(100, 1e5) {
		if !k.IsMinor() {
			names = append(names, k.Label)
		}
	}
	assert.Equal(t, []string{"100 ns", "1 µs", "10 µs", "100 µs"}, names)
	assert.Equal(t, "16 KiB", bytesName(16384))
	assert.Equal(t, "200 B", bytesName(200))
	assert.Len(t, thin([]float64{1, 2, 4, 8, 16, 32, 64}), 7)
	assert.LessOrEqual(t, len(thin([]float64{100, 101, 102, 103, 200})), 3)
}
