#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, each for the time
# given, with its kept corpus first: fuzz.sh [20s [PATTERN]], of those whose package
# and name match the pattern. FUZZFLAGS are more flags for go test, -parallel=1 say. It tells how often each target was executed, and fails if one
# finds something, which lies in testdata/fuzz of its package then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

go="${GO:-go}"
each="${1:-20s}"
only="${2:-.}"

targets="$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*\(' . | sed -E 's,^(.*)/[^/]*:func (.*)\($,\1 \2,' | grep -E -- "$only" | sort || true)"
if [[ -z "$targets" ]]; then
	echo "fuzz.sh: no fuzz target found" >&2
	exit 1
fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT

count=0
total=0
failed=()
while read -r package name; do
	count=$((count + 1))
	status=0
	# shellcheck disable=SC2086 # FUZZFLAGS are words
	"$go" test -run '^$' -fuzz "^$name\$" -fuzztime "$each" -fuzzminimizetime 1s ${FUZZFLAGS:-} "$package" </dev/null >"$log" 2>&1 || status="$?"
	# fuzz: elapsed: 20s, execs: 314159 (15707/sec), new interesting: 2 (total: 65)
	executions="$(sed -nE 's/^fuzz: elapsed: .*, execs: ([0-9]+) .*/\1/p' "$log" | tail -n 1)"
	executions="${executions:-0}"
	total=$((total + executions))
	printf '%-40s %12d executions in %s\n' "$package $name" "$executions" "$each"
	if [[ "$status" != 0 || "$executions" == 0 ]]; then
		failed+=("$package $name")
		cat "$log"
	fi
done <<<"$targets"

if ((${#failed[@]} > 0)); then
	echo "fuzz.sh: $count targets, $total executions; something found, or not run: ${failed[*]}" >&2
	exit 1
fi
echo "$count fuzz targets, $total executions, nothing found"
