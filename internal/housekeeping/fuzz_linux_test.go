package housekeeping

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The end of the fuzzer's own time is nothing found; what it finds is, and so is a target
// that was never executed.
func TestFuzzTellsItsEndFromAFailure(t *testing.T) {
	const line = "fuzz: elapsed: 30s, execs: 499308 (0/sec), new interesting: 3 (total: 17)\n"
	for name, tt := range map[string]struct {
		says   string
		status string
		passes bool
	}{
		"nothing found": {line + "PASS\nok  \n", "0", true},
		"its own end":   {line + "--- FAIL: FuzzX (30.01s)\n    context deadline exceeded\nFAIL\nexit status 1\n", "1", true},
		"an input": {line + "--- FAIL: FuzzX (3.01s)\n    --- FAIL: FuzzX (0.00s)\n        x.go:3: context deadline exceeded\n\n" +
			"    Failing input written to testdata/fuzz/FuzzX/1\nFAIL\n", "1", false},
		"more than its end": {line + "--- FAIL: FuzzX (30.01s)\n    context deadline exceeded\n    a leak\nFAIL\n", "1", false},
		"never executed":    {"--- FAIL: FuzzX (30.01s)\n    context deadline exceeded\nFAIL\n", "1", false},
		"no build":          {"build failed\n", "2", false},
	} {
		t.Run(name, func(t *testing.T) {
			stand := filepath.Join(t.TempDir(), "go")
			require.NoError(t, os.WriteFile(stand+".says", []byte(tt.says), 0o600))
			require.NoError(t, os.WriteFile(stand, []byte("#!/bin/sh\ncat \"$0.says\"\nexit "+tt.status+"\n"), 0o700))
			cmd := exec.Command("bash", "../../scripts/fuzz.sh", "30s", "FuzzParseHeader$")
			cmd.Env = append(os.Environ(), "GO="+stand)
			out, err := cmd.CombinedOutput()
			assert.Equal(t, tt.passes, err == nil, "%s", out)
		})
	}
}
