package buildinfo

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersion(t *testing.T) {
	commit := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for want, info := range map[string]debug.BuildInfo{
		"v0.1.0 (go":                   {Main: debug.Module{Version: "v0.1.0"}, Settings: commit},
		"devel-0123456789ab+dirty (go": {Main: debug.Module{Version: "(devel)"}, Settings: commit},
		"devel (go":                    {},
	} {
		assert.Contains(t, version(&info), want)
	}
	assert.NotEmpty(t, Version())
}
