package leak

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// A goroutine that a test has started is seen until it has ended.
func TestGoroutines(t *testing.T) {
	Check(t)
	before := goroutines()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		<-stop
	}()
	during := goroutines()
	require.Len(t, during, len(before)+1)
	for id, stack := range during {
		if _, old := before[id]; !old {
			assert.Contains(t, stack, "TestGoroutines")
		}
	}
	close(stop)
	<-stopped
	assert.Empty(t, await(before))
}
