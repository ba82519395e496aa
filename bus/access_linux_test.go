package bus_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// The users of these tests. None of them needs to exist.
const (
	ownerUser  = 4710
	memberUser = 4711
	viewerUser = 4712
	otherUser  = 4713
	teamGroup  = 4720 // of owner and member
)

func needRoot(t testing.TB, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: " + what)
	}
}

// stickyDir is a directory like /dev/shm: everybody may put files there, and
// nobody but their owner, and root, may take them away.
func stickyDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus-access-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777|os.ModeSticky))
	return dir
}

// user starts a process of another user, of the team or not.
func user(t testing.TB, o bus.Options, uid int, team bool) *child {
	t.Helper()
	c := start(t, "user", o, strconv.Itoa(uid), strconv.FormatBool(team))
	require.Equal(t, "ready", c.hear())
	return c
}

// team are the options of a region for owner and member, which everybody may see,
// or nobody else.
func team(t testing.TB, mode os.FileMode) bus.Options {
	return bus.Options{Dir: stickyDir(t), Geometry: small(), Mode: mode, Group: teamGroup, Heal: time.Hour}
}

// Whoever has the group works with the region as its owner does, although the
// owner's umask lets nobody in; and cannot take it away.
func TestMember(t *testing.T) {
	needRoot(t, "starts processes of other users")
	o := team(t, 0)
	owner := user(t, o, ownerUser, true)
	owner.expect("ok", "open")
	member := user(t, o, memberUser, true)
	member.expect("ok", "open")
	for i := range 3 {
		owner.tell("receive")
		member.expect("ok", "publish %d", i)
		require.Equal(t, strconv.Itoa(i), owner.hear())
		member.tell("receive")
		owner.expect("ok", "publish %d", i)
		require.Equal(t, strconv.Itoa(i), member.hear())
	}
	member.expect("in use", "remove")
	member.expect("permission", "force")
	owner.expect("ok", "check")
	member.expect("ok", "close")
	owner.expect("ok", "close")
	before := names(t, o.Dir)
	member.expect("permission", "remove")
	member.expect("permission", "force")
	assert.Equal(t, before, names(t, o.Dir), "nothing was changed")
	member.expect("ok", "open") // also nothing that keeps anybody out
	member.expect("ok", "close")
	owner.expect("ok", "remove")
	assert.Empty(t, names(t, o.Dir))
}

// Who is neither owner nor of the group has no way in, by the bus or around it.
func TestStranger(t *testing.T) {
	needRoot(t, "starts processes of other users")
	o := team(t, 0)
	owner := user(t, o, ownerUser, true)
	owner.expect("ok", "open")
	before := names(t, o.Dir)
	for _, u := range []struct {
		group int
		open  string
	}{{0, "owner"}, {teamGroup, "owner"}} { // naming the group does not make one a member
		o := o
		o.Group, o.Mode = u.group, 0
		c := user(t, o, otherUser, false)
		c.expect(u.open, "open")
		c.expect("permission", "inspect")
		c.expect("permission", "remove")
		c.expect("permission", "force")
		c.expect("permission", "damaged")
		for _, what := range []string{"read", "write", "lock file", "unlink", "rename", "replace", "chmod", "truncate"} {
			c.expect("permission", "raw %s", what)
		}
	}
	assert.Equal(t, before, names(t, o.Dir))
	owner.expect("ok", "check")
}

// Who may only read sees everything, and has no hold on anybody.
func TestViewer(t *testing.T) {
	needRoot(t, "starts processes of other users")
	o := team(t, 0o664)
	owner := user(t, o, ownerUser, true)
	owner.expect("ok", "open")
	vo := o
	vo.Group, vo.Mode = 0, 0
	v := user(t, vo, viewerUser, false)
	v.expect("owner", "open")
	v.expect("1 participants", "inspect")
	for _, what := range []string{"write", "reopen", "map", "protect", "lock file", "unlink", "rename", "replace", "chmod", "lease", "truncate"} {
		v.expect("permission", "raw %s", what)
	}
	for _, what := range []string{"ftruncate", "fallocate", "lock"} {
		v.expect("not for writing", "raw %s", what)
	}
	v.expect("permission", "remove")
	v.expect("permission", "force")

	// A lock that a reader can have is none that anybody asks for.
	v.expect("ok", "raw read lock")
	member := user(t, o, memberUser, true)
	member.expect("ok", "open")
	member.expect("ok", "publish 1")
	owner.expect("ok", "check")
	member.expect("ok", "close")
	owner.expect("ok", "close")
	owner.expect("ok", "force")
	assert.Empty(t, names(t, o.Dir))
}

// The kernel lets who maps a page for reading wake those who sleep on it, and move
// them to another word. Neither makes anybody believe in an event, nor keeps one
// from anybody: a sleeper that is woken looks and sleeps on, and one that is never
// woken looks by itself after Heal.
func TestViewerAtTheBell(t *testing.T) {
	needRoot(t, "starts processes of other users")
	for _, attack := range []string{"wake", "requeue"} {
		t.Run(attack, func(t *testing.T) {
			o := team(t, 0o664)
			o.Heal = 2 * time.Millisecond
			owner, member := user(t, o, ownerUser, true), user(t, o, memberUser, true)
			owner.expect("ok", "open")
			member.expect("ok", "open")
			vo := o
			vo.Group, vo.Mode = 0, 0
			v := user(t, vo, viewerUser, false)
			v.expect("at it", "bell %s", attack)
			// For as long as it has reached nobody, it has shown nothing.
			for i := 0; i < 400 || v.ask("how many") == "0"; i++ {
				require.Less(t, i, 100_000, "it reaches nobody")
				owner.tell("receive")
				member.expect("ok", "publish %d", i)
				require.Equal(t, strconv.Itoa(i), owner.hear(), "nothing else, and nothing twice")
				member.expect("empty", "pass")
			}
		})
	}
}

// In a directory where everybody may put files, somebody has been there before:
// whatever he has put under the name, nobody joins it, follows it, waits for it, or
// takes it away.
func TestPlanted(t *testing.T) {
	needRoot(t, "starts processes of other users")
	for what, want := range map[string]string{
		"region":         "owner",
		"open region":    "owner",
		"file":           "owner",
		"empty file":     "owner",
		"pipe":           "not regular",
		"link to region": "not regular",
		"link to device": "not regular",
		"broken link":    "not regular",
		"directory":      "not regular",
		"socket":         "not regular",
	} {
		t.Run(what, func(t *testing.T) {
			o := bus.Options{Dir: stickyDir(t), Geometry: small()}
			planter := user(t, o, otherUser, false)
			planter.expect("ok", "plant %s", what)
			path := filepath.Join(o.Dir, "test")
			before, err := os.Lstat(path)
			require.NoError(t, err)
			for _, group := range []int{0, teamGroup} {
				vo := o
				vo.Group = group
				victim := user(t, vo, ownerUser, true)
				victim.expect(want, "open")
				require.Contains(t, []string{"permission", "not regular", "foreign"}, victim.ask("remove"))
				require.Contains(t, []string{"permission", "not regular", "foreign"}, victim.ask("force"))
				require.Contains(t, []string{"permission", "not regular", "foreign", "ok"}, victim.ask("damaged"))
			}
			after, err := os.Lstat(path)
			require.NoError(t, err)
			assert.True(t, os.SameFile(before, after))
			assert.Equal(t, before.ModTime(), after.ModTime())
		})
	}
}
