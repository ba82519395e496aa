#!/usr/bin/env bash
# Looks for known vulnerabilities in what the code calls, its dependencies and the standard library among it.
#
#   scripts/vuln.sh VERSION      of govulncheck
#
# It fails on a finding. Where the database cannot be reached there is no answer: it says so, and does not fail, unless
# VULN=must. GO is a variable; GOVULNDB names another database, such as a copy (file:///...).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GO=${GO:-go}
version=$1
out=$(mktemp)
trap 'rm -f "$out"' EXIT

status=0
"$GO" run "golang.org/x/vuln/cmd/govulncheck@$version" ${GOVULNDB:+-db "$GOVULNDB"} ./... >"$out" 2>&1 || status=$?
cat "$out"
case "$status" in
0) ;;
3) # as it documents: vulnerabilities were found
	echo "vuln: there are known vulnerabilities in what the code calls; update what is named above" >&2
	exit 1
	;;
*)
	if grep -q 'vulnerability database\|fetching vulnerabilities\|no such host\|dial tcp\|connection refused\|i/o timeout\|proxyconnect\|status 40[0-9]\|Forbidden' "$out"; then
		echo "vuln: NOT CHECKED: the vulnerability database cannot be reached from here; name a copy in GOVULNDB" >&2
		[[ "${VULN:-}" != must ]] || exit 1
		exit 0
	fi
	echo "vuln: govulncheck failed (status $status)" >&2
	exit 1
	;;
esac
