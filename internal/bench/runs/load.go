package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// LoadFiles reads files in their order; "-" is standard input.
func LoadFiles(names []string, stdin io.Reader) ([]*Run, error) {
	var all []*Run
	for _, name := range names {
		data, err := slurp(name, stdin)
		if err != nil {
			return nil, fmt.Errorf("read runs: %w", err)
		}
		rs, err := Parse(name, data)
		if err != nil {
			return nil, err
		}
		all = append(all, rs...)
	}
	return all, nil
}

func slurp(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// Parse reads the runs of a file. Its errors begin with the file's name, the
// line and the column.
func Parse(name string, data []byte) ([]*Run, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	p := &parser{name: name, data: data}
	if err := p.values(0, len(data), p.value); err != nil {
		return nil, err
	}
	if len(p.runs) == 0 {
		return nil, fmt.Errorf("%s: no runs in it; write some with shmbench WORKLOAD -json %s", name, name)
	}
	return p.runs, nil
}

type parser struct {
	name string
	data []byte
	runs []*Run
}

// at is an error with its place.
func (p *parser) at(offset int, format string, a ...any) error {
	before := p.data[:min(offset, len(p.data))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
	return fmt.Errorf("%s:%d:%d: %w", p.name, line, column, fmt.Errorf(format, a...))
}

// values calls one with the place of each JSON value of data[from:to].
func (p *parser) values(from, to int, one func(from, to int) error) error {
	dec := json.NewDecoder(bytes.NewReader(p.data[from:to]))
	for {
		begin := from + int(dec.InputOffset())
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return p.syntax(begin, err)
		}
		end := from + int(dec.InputOffset())
		if err := one(end-len(raw), end); err != nil {
			return err
		}
	}
}

// syntax finds the place of a mistake in the value that begins behind begin.
func (p *parser) syntax(begin int, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return p.at(len(p.data), "the JSON ends in the middle of a value; was the run interrupted?")
	}
	// A decoder counts from somewhere else.
	if s, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(p.data[begin:], new(any))); ok {
		return p.at(begin+int(s.Offset)-1, "not JSON: %w", s)
	}
	return p.at(begin, "not JSON: %w", err)
}

// value takes a run, or the runs of an array.
func (p *parser) value(from, to int) error {
	switch p.data[from] {
	case '{':
		return p.run(from, to)
	case '[':
		return p.elements(from, to)
	}
	return p.at(from, "want a run, which is an object, or an array of runs, not %.20s", p.data[from:to])
}

func (p *parser) elements(from, to int) error {
	dec := json.NewDecoder(bytes.NewReader(p.data[from:to]))
	if _, err := dec.Token(); err != nil {
		return p.at(from, "not an array: %w", err)
	}
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return p.at(from, "not an array of runs: %w", err)
		}
		end := from + int(dec.InputOffset())
		if err := p.value(end-len(raw), end); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) run(from, to int) error {
	r := &Run{File: p.name}
	if err := json.Unmarshal(p.data[from:to], r); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return p.at(from+int(kind.Offset), "field %q is a %s", strings.TrimPrefix(kind.Field, "."), kind.Value)
		}
		return p.at(from, "%w", err)
	}
	if err := r.check(); err != nil {
		return p.at(from, "the run %w", err)
	}
	p.runs = append(p.runs, r)
	return nil
}
