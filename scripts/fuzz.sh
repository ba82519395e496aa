#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, each for the time
# given: fuzz.sh [20s]. What it finds lies in testdata/fuzz of the package then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

go="${GO:-go}"
each="${1:-20s}"

# go test -list names the targets of a package, then the package.
listing="$("$go" test -list '^Fuzz' ./...)"
targets="$(awk '/^Fuzz/ { names[n++] = $1 } $1 == "ok" { for (i = 0; i < n; i++) print $2, names[i]; n = 0 }' <<<"$listing")"
if [[ -z "$targets" ]]; then
	echo "fuzz.sh: no fuzz target found" >&2
	exit 1
fi

while read -r package name; do
	echo "== $package $name, $each"
	"$go" test -run '^$' -fuzz "^$name\$" -fuzztime "$each" "$package" </dev/null
done <<<"$targets"

echo "$(wc -l <<<"$targets") fuzz targets, nothing found"
