package shm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFence(t *testing.T) {
	if err := RegisterFence(); err != nil {
		t.Skip("the kernel makes no fences here: ", err)
	}
	require.NoError(t, Fence())
	require.NoError(t, RegisterFence(), "once more")
	require.Error(t, membarrier(1<<30))
}
