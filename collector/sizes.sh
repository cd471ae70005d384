#!/usr/bin/env bash
# Prints what each group of components costs in the Collector's binary, as the table of README.md.
# Usage: collector/sizes.sh [GROUP...]   (no argument: every group; about a minute on two warm cores)
#
# A group has two prices, because groups share libraries: "alone" is what it adds to the base, "last" is what
# the binary loses when only this group is left out. "last" is the one that counts when something is to be dropped.
# Variants are built with `go build -overlay`: the generated sources stay as they are.
set -euo pipefail
cd "$(dirname "$0")"

declare -A members=(
	[file]=fileexporter
	[resource]=resourceprocessor
	[attributes]=attributesprocessor
	[filter]=filterprocessor
	[transform]=transformprocessor
	[attributes+filter+transform]='attributesprocessor filterprocessor transformprocessor'
	[filelog]=filelogreceiver
	[hostmetrics]=hostmetricsreceiver
	[health_check]=healthcheckextension
	[file_storage]=filestorage
	[zpages]=zpagesextension
	[http provider]=httpprovider
	[forward]=forwardconnector
)
order=(hostmetrics filelog resource attributes filter transform
	attributes+filter+transform file health_check file_storage zpages 'http provider' forward)
[ $# -eq 0 ] || order=("$@")
for group in "${order[@]}"; do
	[ -n "${members[$group]-}" ] || { printf "sizes.sh: no group called '%s'\n" "$group" >&2; exit 2; }
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# size_without PACKAGE... builds the Collector without these packages and prints its size in bytes.
size_without() {
	local words
	words=$(IFS='|'; echo "${*:-none}")
	grep -vwE "$words" components.go >"$tmp/components.go"
	grep -vwE "$words" main.go >"$tmp/main.go"
	printf '{"Replace":{"%s/components.go":"%s/components.go","%s/main.go":"%s/main.go"}}' \
		"$PWD" "$tmp" "$PWD" "$tmp" >"$tmp/overlay.json"
	CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w' \
		-overlay "$tmp/overlay.json" -o "$tmp/otelcol" .
	stat -c %s "$tmp/otelcol"
}

# others_than GROUP prints every optional package that is not in the group.
others_than() {
	local group package
	for group in "${!members[@]}"; do
		for package in ${members[$group]}; do
			[[ " ${members[$1]-} " == *" $package "* ]] || echo "$package"
		done
	done | sort -u
}

megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1e6 }'; }

full=$(size_without)
mapfile -t optional < <(others_than none)
base=$(size_without "${optional[@]}")

echo '| group | alone, MB | last, MB |'
echo '|---|---:|---:|'
echo "| base | $(megabytes "$base") | |"
for group in "${order[@]}"; do
	mapfile -t others < <(others_than "$group")
	alone=$(size_without "${others[@]}")
	# shellcheck disable=SC2086 # a list of words
	without=$(size_without ${members[$group]})
	echo "| $group | $(megabytes $((alone - base))) | $(megabytes $((full - without))) |"
done
echo "| everything | $(megabytes "$full") | |"
