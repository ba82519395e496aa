#!/usr/bin/env bash
# Builds the example switch and runs it on real calls: see examples/voip/README.md.
#
#   CALLER=own    do not use SIPp
#   KILL=mediad   kill mediad in the middle, and start it again
#
# Arguments are passed on to the demo; -h lists them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# SIPp is a Debian package. Without it (or without root to install it) the demo calls by itself.
if [[ "${CALLER:-auto}" != own ]] && ! command -v sipp >/dev/null && command -v apt-get >/dev/null && [[ "$(id -u)" == 0 ]]; then
	echo "installing SIPp (Debian package sip-tester)"
	install_sipp() { DEBIAN_FRONTEND=noninteractive timeout 60 apt-get install -qq -y --no-install-recommends sip-tester; }
	install_sipp >/dev/null 2>&1 ||
		{ timeout 30 apt-get update -qq && install_sipp; } >/dev/null 2>&1 ||
		echo "SIPp could not be installed; the demo uses its own caller"
fi

bin="$(mktemp -d)"
pid=
cleanup() {
	if [[ -n "$pid" ]]; then
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$bin"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "building sipd, rtpd, mediad and the demo"
CGO_ENABLED=0 go build -o "$bin/" ./examples/voip/{sipd,rtpd,mediad,caller,demo}
"$bin/demo" ${CALLER:+-caller "$CALLER"} ${KILL:+-kill "$KILL"} "$@" &
pid=$!
status=0
wait "$pid" || status=$?
pid=
exit "$status"
