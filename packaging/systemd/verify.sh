#!/usr/bin/env bash
# systemd-analyze verify on the unit, with the programs where they would be when installed. Says so and passes where there is no systemd.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v systemd-analyze >/dev/null || { echo 'unit-check: skipped, no systemd-analyze here'; exit 0; }

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
install -D -m 0755 "${OPAMPD:-bin/opampd}" "$root/opampd"
sed "s|^ExecStart=/usr/bin/opampd|ExecStart=$root/opampd|" packaging/systemd/opampd.service >"$root/opampd.service"
# Any complaint fails, also those that systemd would only log: a misspelt directive is ignored in silence otherwise.
complaints=$(systemd-analyze verify --man=no --recursive-errors=no "$root/opampd.service" 2>&1) || { echo "$complaints" >&2; exit 1; }
[ -z "$complaints" ] || { echo "$complaints" >&2; exit 1; }
echo 'unit-check: opampd.service is clean'
