package torture

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is a process of a run when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "play" {
		os.Exit(Main(context.Background(), os.Args, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}
