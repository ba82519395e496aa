package bus_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/rvoip/shmbus/internal/leak"
)

// roles are what a child process, which is this test binary started again, can
// play; see child_linux_test.go.
var roles = map[string]func(args []string){}

const roleEnv = "BUS_TEST_ROLE"

// TestMain keeps every region of the tests out of the default directory.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		roles[role](os.Args[1:])
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "bus-test-")
	if err == nil {
		err = os.Setenv("SHMBUS_DIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := leak.Main(m)
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
