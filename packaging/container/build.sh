#!/usr/bin/env bash
# Builds the container image from bin/opampd, bin/opampd-sigstore and bin/otelcol-lean with buildah. Usage: build.sh IMAGE
# The same programs give the same image id: times are set to 0, and the OCI format records no build container.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=${1:?usage: build.sh IMAGE}
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

die() { echo "container: $*" >&2; exit 1; }
command -v buildah >/dev/null || die 'no buildah here; try: apt-get install -y --no-install-recommends buildah runc'
[ -r "$certificates" ] || die "no CA certificates at $certificates; install ca-certificates or set SSL_CERT_FILE"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
install -m 0755 "${OPAMPD:-bin/opampd}" "$context/opampd"
install -m 0755 "${OPAMPD_SIGSTORE:-bin/opampd-sigstore}" "$context/opampd-sigstore"
install -m 0755 "${OTELCOL:-bin/otelcol-lean}" "$context/otelcol-lean"
install -m 0644 packaging/container/supervisor.yaml "$context/supervisor.yaml"
install -m 0644 "$certificates" "$context/ca-certificates.crt"
install -d -m 0755 "$context/otelcol" && install -d -m 0700 "$context/otelcol/supervisor"
buildah bud --quiet --format oci --timestamp 0 --file packaging/container/Containerfile --tag "$image" "$context"
