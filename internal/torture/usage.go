package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// usage is what processes use: memory in KiB, descriptors, threads.
type usage struct{ processes, rss, private, descriptors, threads int }

func (u *usage) add(o usage) {
	u.processes += o.processes
	u.rss += o.rss
	u.private += o.private
	u.descriptors += o.descriptors
	u.threads += o.threads
}

// usageOf reads what the kernel says of a process; it is nothing if it has just
// ended.
func usageOf(pid int) (u usage) {
	dir := fmt.Sprintf("/proc/%d", pid)
	memory := fields(filepath.Join(dir, "smaps_rollup"))
	if memory["Rss"] == 0 {
		return usage{}
	}
	open, _ := os.ReadDir(filepath.Join(dir, "fd"))
	return usage{
		processes: 1, rss: memory["Rss"], private: memory["Private_Clean"] + memory["Private_Dirty"],
		descriptors: len(open), threads: fields(filepath.Join(dir, "status"))["Threads"],
	}
}

// fields are the numbers of a file with lines as "Name:  123 kB".
func fields(path string) map[string]int {
	b, _ := os.ReadFile(path)
	m := map[string]int{}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		if f := strings.Fields(rest); len(f) > 0 {
			m[name], _ = strconv.Atoi(f[0])
		}
	}
	return m
}
