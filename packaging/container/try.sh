#!/usr/bin/env bash
# Builds the image and runs it as README.md says, with a read-only root and no privileges, and says what happened.
#
# Usage: make try-container   (as root; needs podman, buildah, runc, conmon, catatonit and netavark)
# Environment: OPAMPD, OTELCOL  the programs to put in the image (bin/opampd, bin/otelcol-lean)
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { echo "try-container: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die 'must be root: it limits memory and reads the state volume'
for program in podman buildah runc; do
	command -v "$program" >/dev/null || die "no $program here; try: apt-get install -y --no-install-recommends \
podman buildah runc netavark aardvark-dns conmon catatonit uidmap iptables"
done

work=$(mktemp -d)
name=opampd-try-$$ image=localhost/opampd-try-$$
cleanup() {
	status=$?
	[ "$status" = 0 ] || { echo '--- its log' >&2; podman logs --tail 40 "$name" >&2 || true; }
	podman rm --force --time 0 "$name" >/dev/null 2>&1 || true
	podman volume rm --force "$name" >/dev/null 2>&1 || true
	podman rmi --force "$image" >/dev/null 2>&1 || true
	rm -rf "$work"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Settings that also work inside a container or on a host with mixed cgroups.
cat >"$work/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
export CONTAINERS_CONF=$work/containers.conf

# A pipeline of its own, since there is no server here; network none has only loopback.
cat >"$work/collector.yaml" <<'YAML'
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
sed 's|^  executable: .*|&\n  config_files: [/etc/opampd/collector.yaml]|' packaging/container/supervisor.yaml >"$work/supervisor.yaml"
chmod 0755 "$work"; chmod 0644 "$work"/*.yaml

step=''
failed() { die "FAILED: $step${1:+ ($1)}"; }
passed() { echo "ok  $step${1:+  [$1]}"; }
within() { # SECONDS COMMAND... runs the command until it succeeds.
	local deadline=$((SECONDS + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}
now() { date +%s%N; }
since() { echo "$((($(now) - $1) / 1000000)) ms"; }
state() { podman inspect --format "{{.State.$1}}" "$name"; }
# The image has no shell: the host looks at the processes and sockets inside.
collector() { pgrep -P "$(state Pid)" -x otelcol-lean; }
serving() { [ "$(collector | wc -l)" = 1 ] && grep -q ':10DE .* 0A ' "/proc/$(collector)/net/tcp"; } # 4318, listening
run() {
	podman run -d --name "$name" --network=none --read-only --read-only-tmpfs=false --cap-drop=all --security-opt=no-new-privileges \
		--memory=256m --pids-limit=64 --stop-timeout 25 --volume "$name:/var/lib/otelcol/supervisor" \
		--volume "$work/supervisor.yaml:/etc/opampd/supervisor.yaml:ro" --volume "$work/collector.yaml:/etc/opampd/collector.yaml:ro" \
		--env OPAMPD_SERVER__ENDPOINT=ws://127.0.0.1:4320/v1/opamp "$image" >/dev/null
}

step='the image builds, twice to the same id'
packaging/container/build.sh "$image" >"$work/first"
packaging/container/build.sh "$image" >"$work/second"
cmp -s "$work/first" "$work/second" || failed
passed "$(podman image inspect --format '{{.Size}}' "$image" | awk '{ printf "%.1f MB", $1 / 1e6 }')"

step='the Collector serves: read-only root, no capabilities, user 65532'
start=$(now)
run || failed
within 20 serving || failed
[ "$(stat -c '%u:%g' "/proc/$(state Pid)")" = 65532:65532 ] || failed "user $(stat -c '%u:%g' "/proc/$(state Pid)")"
passed "$(since "$start")"

step='kill -9 of the Collector: another one serves'
before=$(collector) start=$(now)
kill -KILL "$before"
another_serves() { serving && [ "$(collector)" != "$before" ]; }
within 20 another_serves || failed
passed "$(since "$start")"

step='PID 1 leaves no zombie'
no_zombie() { ! ps -o stat= --ppid "$(state Pid)" | awk '/^Z/ { found = 1 } END { exit !found }'; }
within 5 no_zombie || failed
passed

step='SIGHUP reloads, it does not end it'
before=$(state Pid)
podman kill --signal HUP "$name" >/dev/null
within 10 serving || failed
[ "$(state Pid)/$(state Running)" = "$before/true" ] || failed
passed

step='stop is clean'
start=$(now)
podman stop "$name" >/dev/null
took=$(since "$start")
[ "$(state ExitCode)" = 0 ] || failed "exit code $(state ExitCode)"
passed "$took"

step='the volume keeps the identity'
volume=$(podman volume inspect --format '{{.Mountpoint}}' "$name")
[ "$(stat -c '%u %a' "$volume")" = '65532 700' ] || failed "volume is $(stat -c '%u %a' "$volume")"
# The instance uid is the only UUID that may be the same in two runs.
uuids() { grep -rhoaE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' "$volume" --include='state*' | sort -u; }
uuids >"$work/uuids-first"
podman rm "$name" >/dev/null
run
within 20 serving || failed 'the second container does not serve'
uuids | grep -qxFf "$work/uuids-first" || failed 'another one after a new container'
passed "$(uuids | grep -xFf "$work/uuids-first" | head -n 1)"

step='without an endpoint it says what is missing'
output=$(podman run --rm --network=none --read-only --read-only-tmpfs=false "$image" 2>&1) && failed 'it started'
[[ $output == *endpoint* ]] || failed "$output"
passed "$(tail -n 1 <<<"$output" | cut -c1-200)"
