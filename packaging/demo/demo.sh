#!/usr/bin/env bash
# An OpAMP server, opampd and a Collector in one terminal, until Ctrl-C. Usage: make demo
# Everything it writes is in ./demo, which is made anew each time. It ends with no process and no port left behind.
#
# Environment: DEMO_SECONDS  end by itself after so many seconds, with 0 if the first configuration was applied
#              DEMO_LISTEN   the server's address (127.0.0.1:4320)
#              OPAMPD        the program (bin/opampd); otelcol-lean is taken from beside it
set -euo pipefail
cd "$(dirname "$0")/../.."
opampd=$(realpath "${OPAMPD:-bin/opampd}")
listen=${DEMO_LISTEN:-127.0.0.1:4320}
dir=$PWD/demo
marker=$dir/.made-by-opampd-demo

bold='' blue='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	bold=$'\e[1m' blue=$'\e[34m' green=$'\e[32m' plain=$'\e[0m'
fi
say() { printf '%sdemo   | %s%s\n' "$bold" "$*" "$plain"; }
die() { printf 'demo   | %s\n' "$*" >&2; exit 1; }

for program in "$opampd" "${opampd%/*}/otelcol-lean"; do
	[ -x "$program" ] || die "no $program; try: make build collector"
done
[ ! -e "$dir" ] || [ -e "$marker" ] || die "$dir is there and not from an earlier demo; move it away"
holder=$(cat "$dir/storage/lock" 2>/dev/null) || true
[ -z "$holder" ] || ! kill -0 "$holder" 2>/dev/null || die "another demo runs here (opampd is pid $holder); end it first"
(exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}") 2>/dev/null && die "$listen is in use; end what listens there, or choose another address: DEMO_LISTEN=127.0.0.1:14320 make demo"
rm -rf "$dir"
mkdir -p "$dir/fleet/config"
touch "$marker"
# place FILE puts this run's paths into a template of this directory.
place() { sed "s|DEMO_DIR|$dir|; s|DEMO_BIN|${opampd%/*}|; s|DEMO_LISTEN|$listen|" "packaging/demo/$1"; }
place supervisor.yaml >"$dir/supervisor.yaml"

server='' supervisor=''
# label PREFIX prints its input with the prefix. It reads on whatever happens, a closed terminal too: its end would be a
# SIGPIPE for the program.
label() {
	trap '' INT TERM HUP
	while IFS= read -r line; do printf '%s%s\n' "$1" "$line" 2>/dev/null || true; done
}
# start PREFIX COMMAND... runs it in a process group of its own, so that Ctrl-C reaches only this script, and sets $started.
start() {
	local prefix=$1; shift
	set -m
	"$@" > >(label "$prefix") 2>&1 </dev/null &
	started=$!
	set +m
}
start_supervisor() {
	start "${green}opampd | $plain" "$opampd" run --config "$dir/supervisor.yaml"
	supervisor=$started
}
alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# end PID SECONDS asks it to end, and makes it when it has not by then.
end() {
	alive "$1" || return 0
	kill -TERM "$1"
	local deadline=$((SECONDS + $2))
	while alive "$1"; do
		[ "$SECONDS" -lt "$deadline" ] || { say "$1 does not end; killing it"; kill -KILL "$1"; break; }
		sleep 0.05
	done
	wait "$1" 2>/dev/null || true
}
cleanup() {
	status=$?
	trap '' INT TERM HUP
	set +e # the terminal may be gone
	say 'stopping: first opampd, which stops the Collector, then the server'
	# An opampd that was killed leaves its Collector on purpose: one more start adopts it, and can stop it.
	alive "$supervisor" || [ -z "$supervisor" ] || [ "$status" = 1 ] || { start_supervisor; sleep 1; }
	end "$supervisor" 20
	end "$server" 5
	say 'nothing is left running; files are in ./demo'
	exit "$status"
}
trap cleanup EXIT
trap 'exit 0' INT TERM HUP

# offered prints the status that the agent last reported for its configuration.
offered() { cat "$dir"/fleet/agents/*/remote-config-status.json 2>/dev/null; }
ensure() { alive "$1" || die "$2 ended; see above"; }

say "starting the server on $listen and opampd"
start "${blue}server | $plain" "$opampd" dev-server --listen "$listen" --dir "$dir/fleet"
server=$started
start_supervisor

say 'offering a first configuration: host metrics and OTLP in, debug and a file out'
place collector.yaml >"$dir/fleet/config/.collector.yaml.new"
mv "$dir/fleet/config/.collector.yaml.new" "$dir/fleet/config/collector.yaml"
deadline=$((SECONDS + 30))
until [[ $(offered) == *APPLIED* ]]; do
	ensure "$server" 'the server'
	ensure "$supervisor" opampd
	[ "$SECONDS" -lt "$deadline" ] || die "not applied within 30 s; the status is: $(offered)"
	sleep 0.05
done

agents=("$dir"/fleet/agents/*/)
agent=demo${agents[0]#"$dir"}
collector=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$dir/storage/run.json" 2>/dev/null | head -n 1) || true
say "APPLIED: the Collector${collector:+ (pid $collector)} runs what the server offered. Try, in another terminal:"
say "  change something      \$EDITOR demo/fleet/config/collector.yaml"
say "  break it              sed -i 's/hostmetrics/hostmetrix/' demo/fleet/config/collector.yaml    (refused, telemetry goes on)"
say "  what the server sees  ls ${agent}; cat ${agent}remote-config-status.json"
say "  restart on command    touch ${agent}restart"
say "  crash the Collector   kill -9 ${collector:-PID}"
say "  crash opampd          kill -9 $supervisor    (the Collector goes on; opampd is started again and adopts it)"
say "  watch telemetry       tail -f demo/telemetry.json"
say "Ctrl-C ends it${DEMO_SECONDS:+; so do $DEMO_SECONDS seconds}."

deadline=$((SECONDS + ${DEMO_SECONDS:-0}))
while [ -z "${DEMO_SECONDS-}" ] || [ "$SECONDS" -lt "$deadline" ]; do
	ensure "$server" 'the server'
	if ! alive "$supervisor"; then
		status=0
		{ wait "$supervisor" || status=$?; } 2>/dev/null
		[ "$status" -gt 128 ] || die "opampd ended with exit code $status; see above"
		say "opampd was killed; starting it again, as systemd would"
		start_supervisor
	fi
	sleep 0.2
done
