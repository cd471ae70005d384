# `make help` lists the targets. Everything that is built lands in bin/, which may be removed at any time.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VERSION ?= $(shell git --no-optional-locks describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 1m
BENCHFLAGS ?=
CHAOS_RUNS ?= 200
IMAGE ?= opampd:$(VERSION)

# Static, without paths or revision of the place it was built in: the same sources give the same bytes anywhere.
GO_BUILD := CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false
# The race detector needs a C compiler; a machine without one runs the same tests without it.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC | cut -d' ' -f1)" >/dev/null && echo -race)
# The end-to-end tests run the real programs.
E2E_ENV := OPAMPD_TEST_BINARY=$(CURDIR)/bin/opampd OPAMPD_TEST_COLLECTOR=$(CURDIR)/bin/otelcol-lean OPAMPD_TEST_NEXT=$(CURDIR)/bin/otelcol-next
MODULES := . collector tools supervisor/sigstore

##@ Build
.PHONY: help build collector container clean
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { print "\n" substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

build: ## bin/opampd, the supervisor, and bin/opampd-sigstore, its verifier of Sigstore bundles
	$(GO_BUILD) -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)' -o bin/opampd ./supervisor
	cd supervisor/sigstore && $(GO_BUILD) -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)' -o ../../bin/opampd-sigstore .

collector: bin/otelcol-lean ## bin/otelcol-lean, the Collector (some minutes the first time)
bin/otelcol-lean: $(wildcard collector/*.go) collector/go.mod collector/go.sum
	cd collector && $(GO_BUILD) -ldflags '-s -w' -o ../$@ .

# Another release of the same Collector, for tests of upgrades; what is appended to it makes it a bad one.
bin/otelcol-next: bin/otelcol-lean $(wildcard testdata/releases/*)
	cd collector && $(GO_BUILD) -overlay ../testdata/releases/overlay.json -ldflags '-s -w -X main.version=0.150.0' -o ../$@ .

container: build collector ## a container image with both, by buildah
	packaging/container/build.sh '$(IMAGE)'

clean: ## remove everything that was built
	rm -rf bin dist

##@ Try
.PHONY: demo
demo: build collector ## server, supervisor and Collector in this terminal, until Ctrl-C (DEMO_SECONDS=n ends by itself)
	@exec packaging/demo/demo.sh

##@ Test
.PHONY: test unit e2e chaos fuzz bench lint check generate-check unit-check try-systemd try-container
test: vet unit e2e ## go vet, the unit tests and the end-to-end tests

unit: ## the tests that need no other program, with the race detector where there is a C compiler
	go test $(RACE) -shuffle=on $$(go list ./... | grep -v '/supervisor/e2e')
	# Has no goroutine of its own; built as the program is, which spares compiling its 300 packages once more.
	cd supervisor/sigstore && CGO_ENABLED=0 go test -trimpath -tags grpcnotrace -shuffle=on ./...

e2e: build collector bin/otelcol-next ## the tests that run bin/opampd and bin/otelcol-lean
	$(E2E_ENV) go test -count=1 -shuffle=on -parallel 6 -timeout 30m ./supervisor/e2e/...

chaos: build collector bin/otelcol-next ## opampd killed in CHAOS_RUNS (200) upgrades at random instants; as root
	$(E2E_ENV) OPAMPD_TEST_CHAOS_RUNS=$(CHAOS_RUNS) go test -count=1 -parallel 4 -timeout 3h -v \
		-run '^(TestOpampdKilledAtAnyInstantOfAnUpgradeEndsOnOneRelease|TestAReleaseThatFreezesWhileItIsWatchedIsTakenBack)$$' ./supervisor/e2e

fuzz: ## every fuzz target for FUZZTIME (1m)
	@for module in . supervisor/sigstore; do (cd "$$module"; \
		for package in $$(go list ./...); do \
			for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
				echo "== $$package $$target"; \
				go test -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' "$$package"; \
			done; \
		done); \
	done

bench: build collector ## the budgets, measured and printed as a table (BENCHFLAGS=...)
	$(E2E_ENV) go run ./supervisor/bench $(BENCHFLAGS)

.PHONY: vet tidy-check mod-verify
vet: # go vet
	go vet ./...

lint: bin/tools/golangci-lint ## golangci-lint, which also enforces the import arrows
	bin/tools/golangci-lint run ./...
	cd supervisor/sigstore && ../../bin/tools/golangci-lint run --config ../../.golangci.yml ./...

check: vet tidy-check mod-verify generate-check lint unit-check ## everything but the tests

tidy-check: # go.mod and go.sum of the modules written by hand; generate-check does the Collector's
	go mod tidy -diff
	cd tools && go mod tidy -diff
	cd supervisor/sigstore && go mod tidy -diff

mod-verify: # the module cache is what go.sum says
	for module in $(MODULES); do (cd "$$module" && go mod verify); done

unit-check: build ## systemd-analyze verify on the unit
	packaging/systemd/verify.sh

try-systemd: build collector ## install, crash, adopt and stop under a real systemd (root, systemd-nspawn)
	packaging/systemd/try.sh

try-container: build collector ## run the image with a read-only root (root, podman and buildah)
	packaging/container/try.sh

##@ Collector
.PHONY: generate collector-sizes
generate: bin/tools/builder ## builder-config.yaml -> collector/
	bin/tools/builder --config builder-config.yaml $(OCB_FLAGS)

# Generates beside the committed sources, with their go.sum so that a filled module cache is enough.
generate-check: bin/tools/builder ## fails when collector/ is not what builder-config.yaml gives
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	mkdir "$$tmp/collector"; cp collector/go.sum "$$tmp/collector/"; \
	sed "s|output_path: ./collector|output_path: $$tmp/collector|" builder-config.yaml >"$$tmp/manifest.yaml"; \
	bin/tools/builder --config "$$tmp/manifest.yaml" $(OCB_FLAGS) >"$$tmp/log" 2>&1 || { cat "$$tmp/log" >&2; exit 1; }; \
	diff -ru --exclude=README.md --exclude=sizes.sh collector "$$tmp/collector" || { echo "collector/ is out of date: run 'make generate'" >&2; exit 1; }; \
	echo 'collector/ is what builder-config.yaml gives'

collector-sizes: ## what each group of components costs (the table of collector/README.md)
	@collector/sizes.sh

# --skip-strict-versioning: one component is not published for this train, see builder-config.yaml.
OCB_FLAGS := --skip-compilation --skip-strict-versioning

bin/tools/golangci-lint: tools/go.mod tools/go.sum
	cd tools && $(GO_BUILD) -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/tools/builder: tools/go.mod tools/go.sum
	cd tools && $(GO_BUILD) -o ../$@ go.opentelemetry.io/collector/cmd/builder
