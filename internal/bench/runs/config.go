package runs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Config is what a run was asked for: its known fields, and all of them by name.
type Config struct {
	Pubs, Subs, Size, Batch, Capacity int
	Wait, Policy                      string
	Local                             bool

	fields map[string]any
}

// UnmarshalJSON keeps the unknown fields, too: two runs that differ in one of
// them are not of the same thing.
func (c *Config) UnmarshalJSON(b []byte) error {
	var known struct {
		Pubs     int    `json:"pubs"`
		Subs     int    `json:"subs"`
		Size     int    `json:"size"`
		Batch    int    `json:"batch"`
		Capacity int    `json:"capacity"`
		Wait     string `json:"wait"`
		Policy   string `json:"policy"`
		Local    bool   `json:"local"`
	}
	if err := json.Unmarshal(b, &known); err != nil {
		return err
	}
	*c = Config{
		Pubs: known.Pubs, Subs: known.Subs, Size: known.Size, Batch: known.Batch, Capacity: known.Capacity,
		Wait: known.Wait, Policy: known.Policy, Local: known.Local,
	}
	return json.Unmarshal(b, &c.fields)
}

// Key is the same for configurations that are the same. A field that a program
// did not write yet counts as one that says nothing: false, 0 or empty.
func (c Config) Key() string {
	said := map[string]any{}
	for name, v := range c.fields {
		if says(v) {
			said[name] = v
		}
	}
	b, err := json.Marshal(said)
	if err != nil {
		// What was decoded from JSON can be encoded.
		panic(err)
	}
	return string(b)
}

func says(v any) bool { return v != nil && v != false && v != 0.0 && v != "" }

// Value is a field as text, empty if there is none.
func (c Config) Value(name string) string {
	v, ok := c.fields[name]
	if !ok || v == nil {
		return ""
	}
	return text(v)
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Number is a field as a number, 0 if it is none.
func (c Config) Number(name string) float64 {
	v, _ := c.fields[name].(float64)
	return v
}

// Shape says who sends what to whom, which any two programs have in common.
func (c Config) Shape() string {
	var parts []string
	if c.Pubs > 0 && c.Subs > 0 {
		parts = append(parts, fmt.Sprintf("%d to %d", c.Pubs, c.Subs))
	}
	if n := c.Number("calls"); n > 0 {
		parts = append(parts, humanize.Comma(int64(n))+" calls")
	}
	if c.Size > 0 {
		parts = append(parts, fmt.Sprintf("%d B", c.Size))
	}
	if c.Batch > 1 {
		parts = append(parts, fmt.Sprintf("batch %d", c.Batch))
	}
	return strings.Join(parts, ", ")
}

// Without is the shape of the configuration without one of its fields.
func (c Config) Without(name string) string {
	c.fields = maps.Clone(c.fields)
	delete(c.fields, name)
	if name == "size" {
		c.Size = 0
	}
	return c.Shape()
}

// Manner says what else is special about it: what is not the default, and the
// fields of these names.
func (c Config) Manner(names []string) string {
	var parts []string
	add := func(special bool, name, text string) {
		if special || slices.Contains(names, name) && text != "" {
			parts = append(parts, text)
		}
	}
	add(c.Local, "local", choose(c.Local, "in one process", "a process each"))
	add(c.Value("static") == "true", "static", choose(c.Value("static") == "true", "static ring", "lane"))
	add(c.Value("pack") == "true", "pack", choose(c.Value("pack") == "true", "in packs", ""))
	add(c.Policy == "lossy", "policy", c.Policy)
	add(c.Value("verify") == "false", "verify", choose(c.Value("verify") == "false", "content unchecked", "content checked"))
	add(c.Wait == "spin" || c.Wait == "park", "wait", c.Wait)
	if n := int64(c.Number("rate")); n > 0 {
		parts = append(parts, humanize.Comma(n)+" a second")
	}
	if c.Capacity > 0 {
		add(false, "capacity", "ring of "+humanize.Comma(int64(c.Capacity)))
	}
	shown := []string{"pubs", "subs", "calls", "size", "batch", "local", "static", "pack", "policy", "verify", "wait", "capacity", "rate", "kind"}
	for _, name := range names {
		if v := c.Value(name); says(c.fields[name]) && !slices.Contains(shown, name) {
			parts = append(parts, choose(v == "true", name, name+" "+v))
		}
	}
	return strings.Join(parts, ", ")
}

func choose(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// differing are the names of the fields that are not the same in all.
func differing(cs []Config) []string {
	values := map[string]map[string]bool{}
	for _, c := range cs {
		for name := range c.fields {
			values[name] = map[string]bool{}
		}
	}
	for _, c := range cs {
		for name, seen := range values {
			v := ""
			if says(c.fields[name]) {
				v = c.Value(name)
			}
			seen[v] = true
		}
	}
	var names []string
	for name, seen := range values {
		if len(seen) > 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
