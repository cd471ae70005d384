#!/usr/bin/env bash
# Installs opampd in a throw-away Debian with a real systemd, then starts, crashes, hangs and stops it, and says what happened.
#
# Usage: make try-systemd   (as root; needs systemd-container and mmdebstrap; about 30 s, and half a minute more the first time)
# Environment: OPAMPD, OTELCOL  the programs to install (bin/opampd, bin/otelcol-lean)
#              TRY_ROOT         a directory for the pristine Debian, made when missing and kept (/tmp/nspawn-root)
set -euo pipefail
cd "$(dirname "$0")/../.."
opampd=${OPAMPD:-bin/opampd}
otelcol=${OTELCOL:-bin/otelcol-lean}
pristine=${TRY_ROOT:-/tmp/nspawn-root}

die() { echo "try-systemd: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die 'must be root: it boots a container with systemd-nspawn'
for program in systemd-nspawn mmdebstrap nsenter; do
	command -v "$program" >/dev/null || die "no $program here; try: apt-get install -y --no-install-recommends systemd-container mmdebstrap"
done
for program in "$opampd" "$otelcol"; do
	[ -x "$program" ] || die "no $program; try: make build collector"
done
[ -d "$pristine/etc" ] ||
	mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps bookworm "$pristine"

work=$(mktemp -d)
nspawn='' init=''

# inside runs a command in the container. The limit keeps a stuck one from blocking its power-off.
inside() { timeout -k 1 60 nsenter -t "$init" -m -u -i -n -p -C -r -w "$@"; }

cleanup() {
	status=$?
	if [ "$status" != 0 ] && [ -n "$init" ]; then
		echo '--- the journal of opampd' >&2
		inside journalctl --no-pager -u opampd -n 40 >&2 || true
	fi
	if [ -n "$nspawn" ]; then
		kill -TERM "$nspawn" 2>/dev/null || true
		wait "$nspawn" 2>/dev/null || true
	fi
	umount "$work/root" 2>/dev/null || true
	umount "$work" 2>/dev/null || true
	rmdir "$work" 2>/dev/null || echo "try-systemd: $work is left behind" >&2
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- a copy of Debian with opampd installed as a package would
mount -t tmpfs -o mode=0755 opampd-try "$work"
mkdir "$work/upper" "$work/overlay" "$work/root"
mount -t overlay -o "lowerdir=$pristine,upperdir=$work/upper,workdir=$work/overlay" opampd-try "$work/root"
root=$work/root
echo '127.0.0.1 localhost' >"$root/etc/hosts" # a minimal Debian has none
install -D -m 0755 "$opampd" "$root/usr/bin/opampd"
install -D -m 0755 "$otelcol" "$root/usr/bin/otelcol-lean"
install -D -m 0644 packaging/systemd/opampd.service "$root/usr/lib/systemd/system/opampd.service"
install -D -m 0644 packaging/systemd/opampd.sysusers "$root/usr/lib/sysusers.d/opampd.conf"
install -D -m 0644 packaging/systemd/supervisor.yaml "$root/etc/opampd/supervisor.yaml"
# The default configuration with a pipeline of its own, since there is no server here.
sed -i 's|^  executable: .*|&\n  config_files: [/etc/opampd/collector.yaml]|' "$root/etc/opampd/supervisor.yaml"
cat >"$root/etc/opampd/collector.yaml" <<'YAML'
receivers:
  otlp:
    protocols:
      http: {endpoint: 127.0.0.1:4318}
exporters:
  nop:
service:
  pipelines:
    metrics: {receivers: [otlp], exporters: [nop]}
YAML
# Shorter deadlines than the unit's, only to have the hangs below over sooner.
mkdir "$root/usr/lib/systemd/system/opampd.service.d"
printf '[Service]\nWatchdogSec=4\nTimeoutAbortSec=2\nTimeoutStopSec=13\n' >"$root/usr/lib/systemd/system/opampd.service.d/try.conf"

SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid systemd-nspawn -q -D "$root" --boot --register=no --keep-unit --private-network \
	--console=pipe >"$work/console.log" 2>&1 </dev/null &
nspawn=$!

# ---- what the checks are made of
step=''
failed() { die "FAILED: $step${1:+ ($1)}"; }
passed() { echo "ok  $step${1:+  [$1]}"; }

# within SECONDS COMMAND... runs the command until it succeeds.
within() {
	local deadline=$((SECONDS + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}
booted() { init=$(pgrep -P "$nspawn" | head -n 1) && [ -n "$init" ] && inside systemctl is-system-running | grep -qE 'running|degraded'; }
show() { inside systemctl show -P "$1" opampd; }
journal() { inside journalctl -u opampd --no-pager -o cat "$@"; }
collectors() { inside pgrep -u opampd -x otelcol-lean; }
one_collector() { [ "$(collectors | wc -l)" = 1 ]; }
serving() { one_collector && inside ss -Hltn 'sport = :4318' | grep -q LISTEN; }
running_anew() { [ "$(show ActiveState)" = active ] && [ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ]; }
now() { date +%s%N; }
since() { echo "$((($(now) - $1) / 1000000)) ms"; }
adopted() { # PID-OF-THE-COLLECTOR: it serves, and it is the same process.
	within 10 serving || failed 'no Collector is serving, or more than one'
	[ "$(collectors)" = "$1" ] || failed "the Collector was $1 and is $(collectors)"
}

step='systemd is up'
within 30 booted || { cat "$work/console.log" >&2; failed; }
passed

step='the user is made and the unit starts (Type=notify)'
inside systemd-sysusers
start=$(now)
inside systemctl start opampd || failed
[ "$(show ActiveState)/$(show NotifyAccess)" = active/main ] || failed "$(show ActiveState)"
passed "$(since "$start")"

step='STATUS says what is going on'
within 5 sh -c "[ -n \"\$(timeout 5 nsenter -t $init -m -p -r systemctl show -P StatusText opampd)\" ]" || failed
passed "$(show StatusText)"

step='the Collector serves, and neither process is root'
within 20 serving || failed
[ "$(inside ps -o user= -p "$(show MainPID)" -p "$(collectors)" | sort -u)" = opampd ] || failed
[ "$(inside stat -c '%U %a' /var/lib/otelcol/supervisor)" = 'opampd 700' ] || failed 'storage directory'
passed "$(since "$start")"

step='reload keeps both processes'
main=$(show MainPID) collector=$(collectors)
inside systemctl reload opampd || failed
[ "$(show ActiveState)/$(show MainPID)/$(collectors)" = "active/$main/$collector" ] || failed
passed

step='the watchdog is fed'
fed=$(show WatchdogTimestampMonotonic)
fed_again() { [ "$(show WatchdogTimestampMonotonic)" != "$fed" ]; }
within 5 fed_again || failed
passed

step='kill -9 of the Collector: another one serves'
start=$(now)
inside kill -KILL "$collector"
another_serves() { serving && [ "$(collectors)" != "$collector" ]; }
within 20 another_serves || failed
[ "$(show MainPID)" = "$main" ] || failed 'opampd went with it'
passed "$(since "$start")"

step='kill -9 of opampd: started again, the Collector is adopted'
main=$(show MainPID) collector=$(collectors) start=$(now)
inside kill -KILL "$main"
within 20 running_anew "$main" || failed
adopted "$collector"
passed "$(since "$start"), Collector still $collector"

step='opampd hangs: the watchdog has it started again, the Collector is adopted'
main=$(show MainPID) start=$(now)
inside kill -STOP "$main"
within 30 running_anew "$main" || failed
[[ $(journal) == *"result 'watchdog'"* ]] || failed 'not by the watchdog'
adopted "$collector"
passed "$(since "$start")"

step='stop that kills opampd before it can stop the Collector: the next start ends with one Collector'
drop_in=/run/systemd/system/opampd.service.d/zz-hurry.conf
inside sh -c "mkdir -p ${drop_in%/*} && printf '[Service]\nTimeoutStopSec=1ms\n' >$drop_in && systemctl daemon-reload"
inside systemctl stop opampd || true
left=$(collectors | tr '\n' ' ') || true
inside sh -c "rm $drop_in && systemctl daemon-reload && systemctl reset-failed opampd"
inside systemctl start opampd || failed 'start'
within 20 serving || failed "$(collectors | wc -l) Collectors"
passed "left ${left:-none}, is $(collectors)"

step='stop leaves no process behind'
start=$(now)
inside systemctl stop opampd || failed
took=$(since "$start")
[ "$(show Result)" = success ] || failed "Result=$(show Result)"
! inside pgrep -u opampd >/dev/null || failed "$(inside pgrep -lu opampd | tr '\n' ' ')"
passed "$took"

step='an invalid supervisor.yaml is not tried again and again'
inside sh -c 'echo "agnet: {}" >>/etc/opampd/supervisor.yaml'
! inside systemctl start opampd 2>/dev/null || failed 'it started'
[ "$(show ExecMainStatus)/$(show ActiveState)/$(show NRestarts)" = 3/failed/0 ] ||
	failed "exit $(show ExecMainStatus), $(show ActiveState), restarts $(show NRestarts)"
passed "exit code 3: $(journal _COMM=opampd -n 1 | cut -c1-200)"

step='the journal holds it all, one record a line'
records=$(journal | wc -l)
[ "$records" -gt 10 ] || failed "$records records"
[[ $(journal) != *'blob data'* ]] || failed 'unprintable records'
passed "$records records"
