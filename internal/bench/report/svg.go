package report

import (
	"bytes"
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// svg draws a chart as an element for a page that defines the colours and the
// letters.
func (c *chart) svg() (string, error) {
	w, h := vg.Length(chartWidth), c.total()
	canvas := vgsvg.New(w, h)
	c.paint(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw %q: %w", c.title, err)
	}
	// The header is for a file; in a page the size is the page's affair, and
	// its namespaces go without saying.
	_, body, ok := strings.Cut(b.String(), "<svg ")
	if ok {
		_, body, ok = strings.Cut(body, ">")
	}
	if !ok {
		return "", fmt.Errorf("draw %q: the drawing has no header", c.title)
	}
	for _, t := range tones() {
		body = strings.ReplaceAll(body, ":"+t.light, ":var(--"+t.name+")")
	}
	body = strings.ReplaceAll(body, "font-family:Liberation Sans;font-variant:normal;", "")
	return fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img">`, w.Points(), h.Points()) + body, nil
}
