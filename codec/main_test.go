package codec

import (
	"os"
	"testing"

	"github.com/rvoip/shmbus/internal/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }
