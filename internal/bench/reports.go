package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/rvoip/shmbus/internal/bench/compare"
	"github.com/rvoip/shmbus/internal/bench/report"
	"github.com/rvoip/shmbus/internal/bench/runs"
)

// reportCommand draws runs that were measured before.
func (a *app) reportCommand() *cli.Command {
	var page, picture string
	return &cli.Command{
		Name: "report", Usage: "draw results of -json as one HTML page, and as PNG",
		UsageText: "shmbench report [-o report.html] [-png report.png] FILE...",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "o", Value: "report.html", Destination: &page, Usage: "write the page to this `FILE`; - is standard output"},
			&cli.StringFlag{Name: "png", Destination: &picture, Usage: "write a picture of it to this `FILE`"},
		},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: func(_ context.Context, c *cli.Command) error {
			if !c.Args().Present() {
				return misuse("report wants files that -json has written: shmbench report FILE...")
			}
			rs, err := runs.LoadFiles(c.Args().Slice(), a.stdin)
			if err != nil {
				return err
			}
			r := report.New(rs)
			if err := a.save(page, r.WriteHTML); err != nil {
				return err
			}
			if picture == "" {
				return nil
			}
			return a.save(picture, r.WritePNG)
		},
	}
}

// save writes a file, whole or not at all.
func (a *app) save(name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(a.stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return misuse("cannot write: %v", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		_ = os.Remove(name)
		return fmt.Errorf("write %s: %w", name, err)
	}
	fmt.Fprintf(a.stderr, "wrote %s\n", name)
	return nil
}

// compareCommand sets two files of runs side by side.
func (a *app) compareCommand() *cli.Command {
	asJSON := false
	return &cli.Command{
		Name: "compare", Usage: "say what differs between two files of runs, with confidence intervals",
		UsageText:       "shmbench compare [-json] A.json B.json",
		Flags:           []cli.Flag{&cli.BoolFlag{Name: "json", Destination: &asJSON, Usage: "write the comparison as JSON"}},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: func(_ context.Context, c *cli.Command) error {
			if c.NArg() != 2 {
				return misuse("compare wants two files that -json has written: shmbench compare A.json B.json")
			}
			var sides [2][]*runs.Run
			for i, name := range c.Args().Slice() {
				rs, err := runs.LoadFiles([]string{name}, a.stdin)
				if err != nil {
					return err
				}
				sides[i] = rs
			}
			r, err := compare.Runs(sides[0], sides[1])
			if err != nil {
				return err
			}
			if !asJSON {
				r.Write(a.stdout, c.Args().Get(0), c.Args().Get(1))
				return nil
			}
			enc := json.NewEncoder(a.stdout)
			enc.SetIndent("", "  ")
			return enc.Encode(r)
		},
	}
}
