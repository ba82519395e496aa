package bench

import (
	"errors"
	"io"
	"os"
)

// output is where results go: JSON to a file or to standard output, which then
// belongs to it alone, and a table for people.
type output struct {
	human io.Writer
	json  io.Writer // nil for none
	file  *os.File  // of json, nil if it is standard output
}

// openOutput opens the file before anything is measured, so that a name that
// cannot be written does not cost a run.
func (a *app) openOutput(name string) (*output, error) {
	switch name {
	case "":
		return &output{human: a.stdout}, nil
	case "-":
		return &output{human: a.stderr, json: a.stdout}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, misuse("-json: %v", err)
	}
	return &output{human: a.stdout, json: f, file: f}, nil
}

func (o *output) write(rs []*Result, array bool) error {
	if o.json == nil {
		return nil
	}
	err := writeJSON(o.json, rs, array)
	if o.file != nil {
		err = errors.Join(err, o.file.Close())
	}
	return err
}

// discard leaves no file behind for a run that came to nothing.
func (o *output) discard() {
	if o.file != nil {
		_ = o.file.Close()
		_ = os.Remove(o.file.Name())
	}
}
