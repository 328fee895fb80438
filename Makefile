# What a newcomer needs: make demo, make test. Both install what is missing.

SHELL := /bin/bash
export CGO_ENABLED := 0
# gRPC's trace pages, which nobody looks at here, bring template engines, and
# those keep the linker from leaving methods out: a fifth of the programs.
# Programs, tests and tools have the same flags, so that a package is compiled
# once for all of them.
export GOFLAGS += -tags=grpcnotrace -trimpath
GO ?= go
TOOLS := .tools/bin
LDFLAGS := -s -w

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Debian packages that tests and the demo use, and a file of each.
PACKAGES := runc:/usr/sbin/runc mmdebstrap:/usr/bin/mmdebstrap busybox-static:/bin/busybox musl:/lib/x86_64-linux-musl/libc.so docker.io:/usr/sbin/dockerd curl:/usr/bin/curl git:/usr/bin/git shellcheck:/usr/bin/shellcheck nodejs:/usr/bin/node npm:/usr/bin/npm rpm:/usr/bin/rpm db5.3-util:/usr/bin/db5.3_load sqlite3:/usr/bin/sqlite3

.PHONY: setup
setup: ## install what the machine lacks (Debian, root)
	@missing=; for p in $(PACKAGES); do test -e $${p#*:} || missing="$$missing $${p%%:*}"; done; \
	if test -z "$$missing"; then exit 0; fi; \
	if test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null; then echo "install these first:$$missing" >&2; exit 1; fi; \
	echo "installing$$missing"; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null

.PHONY: build
build: ## build bin/whittle and bin/whittle-frontend
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/whittle ./cmd/whittle-frontend

# The tools that tests hold our results against, pinned by their go.mod. BuildKit
# and buildx are of one module with ours, testdata/tools, so that they share our
# versions of what they have in common, and its compilation.
TOOL_COSIGN := github.com/sigstore/cosign/v2/cmd/cosign
TOOL_SYFT := github.com/anchore/syft/cmd/syft
TOOL_KO := github.com/google/ko
TOOL_GOLANGCI-LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
TOOL_ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint
TOOL_GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck

$(TOOLS)/%: testdata/tools/%/go.mod
	@mkdir -p $(TOOLS)
	cd testdata/tools/$* && $(GO) build -ldflags '$(LDFLAGS)' -o ../../../$@ $(TOOL_$(shell echo $* | tr a-z A-Z))

TOOLS_SHARED := github.com/docker/buildx/cmd/buildx github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl
SHARED := $(TOOLS)/buildx $(TOOLS)/buildkitd $(TOOLS)/buildctl
$(SHARED) &: testdata/tools/go.mod go.mod
	@mkdir -p $(TOOLS)
	cd testdata/tools && $(GO) build -ldflags '$(LDFLAGS)' -o ../../$(TOOLS)/ $(TOOLS_SHARED)
	@touch $(SHARED)

.PHONY: tools
tools: $(SHARED) ## build the tools that make test uses

# The levels. Each prints the processor time that it took beside its budget.
BUDGET := testdata/budget.sh
# A level calls these with --no-print-directory, below its stopwatch.
STEPS := $(MAKE) --no-print-directory
# All packages but the end-to-end tests. What go vet has found is not looked for again.
UNIT = $$($(GO) list ./... | grep -v /e2e)
TEST := $(GO) test -vet=off

.PHONY: quick
quick: ## vet and test all that needs no BuildKit to run with
	@$(BUDGET) quick 120 60 $(STEPS) quick-steps

.PHONY: test
test: ## every test, end-to-end ones included
	@$(BUDGET) test 900 1800 $(STEPS) test-steps

.PHONY: ci
ci: ## make test with cosign and syft, the race detector, other systems, known vulnerabilities
	@$(BUDGET) ci 2400 4800 $(STEPS) ci-steps

.PHONY: interop
interop: ## heavier peers, before an issue is closed: ko and buildctl side by side, every fuzz target, with CORPUS=DIR hadolint
	@$(BUDGET) interop 5400 7200 $(STEPS) interop-steps

# What make ci does besides the tests with cosign and syft.
CI_STEPS := race cross vuln

.PHONY: quick-steps test-steps ci-steps interop-steps
quick-steps:
	@set -e; pkgs=$$($(GO) list -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... | grep '\.test ' | grep -vE 'github.com/moby/buildkit/(client|control|solver|worker)( |$$)' | sed 's/\.test .*//'); \
	$(GO) vet $$pkgs; $(TEST) $$pkgs

test-steps: setup build tools vet unit
	WHITTLE_E2E=1 $(TEST) -timeout 40m ./cmd/whittle/e2e

ci-steps: setup-race build tools $(TOOLS)/cosign $(TOOLS)/syft $(TOOLS)/actionlint vet unit
	WHITTLE_E2E=ci $(TEST) -timeout 60m ./cmd/whittle/e2e
	WHITTLE_E2E=ci $(TEST) -run Cosign ./signing
	WHITTLE_E2E=ci $(TEST) -run Syft ./builder/packages/rpm
	@test -z "$(CI_STEPS)" || $(STEPS) $(CI_STEPS)

interop-steps: bench fuzz native languages browser editors
	$(TEST) -run XXX -bench . -benchtime 1x ./signing
	@test -z "$(CORPUS)" || $(STEPS) conformance labels fixes outlook
	@test -z "$(SIGSTORE)" || $(STEPS) sigstore

# A Sigstore that runs: a directory with its trusted_root.json, a
# signing_config.NAME.json for each log, and identity, issuer and mint, which say
# whose tokens there are and where.
SIGSTORE ?=
.PHONY: sigstore
sigstore: $(TOOLS)/cosign ## sign and verify with a Sigstore that runs, beside cosign: make sigstore SIGSTORE=DIR
	WHITTLE_E2E=ci WHITTLE_SIGSTORE='$(SIGSTORE)' $(TEST) -count=1 -v -run Lab ./signing

.PHONY: vet unit
vet:
	$(GO) vet ./...
unit:
	$(TEST) $(UNIT)

.PHONY: e2e
e2e: setup build tools $(TOOLS)/cosign $(TOOLS)/syft $(TOOLS)/actionlint ## the end-to-end tests alone, with cosign and syft
	WHITTLE_E2E=ci $(TEST) -timeout 40m -v ./cmd/whittle/e2e

.PHONY: setup-race
setup-race: PACKAGES += gcc:/usr/bin/gcc libc6-dev:/usr/include/stdio.h
setup-race: setup

.PHONY: race
race: setup-race ## the tests under the race detector, which needs a C compiler
	CGO_ENABLED=1 $(TEST) -race $(UNIT)

.PHONY: demo
demo: setup build ## lint, build, sign, verify and run a careless service
	testdata/demo.sh

.PHONY: check
check: $(TOOLS)/golangci-lint ## what a change must pass: format, vet, linters, tests, pages current
	@out=$$(gofmt -l builder cmd lint signing templates testdata); test -z "$$out" || { echo "gofmt: $$out" >&2; exit 1; }
	@$(STEPS) vet
	$(TOOLS)/golangci-lint run ./...
	$(GO) mod tidy -diff && cd testdata/tools && $(GO) mod tidy -diff
	@$(STEPS) unit

# The vulnerability database is the module golang.org/x/vulndb in the version of
# testdata/tools/govulncheck/go.mod; VULNDB=latest takes the newest.
VULNDB ?=
.PHONY: vuln
vuln: $(TOOLS)/govulncheck ## look for known vulnerabilities in what is linked
	$(GO) run ./cmd/internal/vuln -tool $(TOOLS)/govulncheck -module testdata/tools/govulncheck -version "$(VULNDB)" -answers SECURITY.md

# Where the command runs besides Linux, without the embedded engine.
PLATFORMS := darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: cross
cross: ## build and vet for macOS and Windows
	@for p in $(PLATFORMS); do echo "$$p"; export GOOS=$${p%/*} GOARCH=$${p#*/}; \
	$(GO) vet ./... && $(GO) build -o /dev/null ./cmd/whittle || exit 1; done

CORPUS ?=
V ?=
.PHONY: conformance
conformance: ## agreement with hadolint and BuildKit by rule: make conformance CORPUS=DIR [V=RULE prints what differs]
	@$(GO) run ./lint/internal/conformance -corpus '$(CORPUS)' -v '$(V)'

.PHONY: labels
labels: ## findings that a name alone makes beside what people said who read them: make labels CORPUS=DIR
	@$(GO) run ./lint/internal/labels -corpus '$(CORPUS)'

.PHONY: bench-lint
bench-lint: build ## time and memory of the linter beside their bars: make bench-lint CORPUS=DIR [BEFORE=an older whittle]
	@$(GO) run ./lint/internal/bench -corpus '$(CORPUS)' -before '$(BEFORE)'

.PHONY: lint
lint: build ## lint this repository's Dockerfiles, errors only: most are careless on purpose
	bin/whittle lint --fail-on error testdata/apps/web testdata/apps/makeapp

.PHONY: outlook
outlook: ## what a build would make of every Dockerfile of an archive, beside its bar: make outlook CORPUS=DIR
	@test -n "$(CORPUS)" || { echo "CORPUS is not set: a directory with realworld.tar.gz" >&2; exit 2; }
	@CORPUS='$(CORPUS)' $(TEST) ./builder/outlook -run Corpus -count 1

.PHONY: fixes
fixes: ## fix every Dockerfile of an archive and compare the builds: make fixes CORPUS=DIR
	@test -n "$(CORPUS)" || { echo "CORPUS is not set: a directory with realworld.tar.gz" >&2; exit 2; }
	$(GO) run ./lint/internal/fixcheck $(CORPUS)/realworld.tar.gz

.PHONY: bench
bench: setup build $(TOOLS)/ko $(SHARED) ## ratios against plain BuildKit, ko and a hand-written image
	$(GO) test -run XXX -bench . -benchtime 1x -timeout 30m ./cmd/whittle ./builder/page
	WHITTLE_E2E=1 $(GO) test -run XXX -bench . -benchtime 1x -timeout 30m ./cmd/whittle/e2e

NATIVE ?= 1
RUN ?= .
# What was built and seen is kept where NATIVE_STATE names a directory.
NATIVE_STATE ?=
.PHONY: native
native: setup build tools ## build and run native programs as written and made minimal: make native [NATIVE=DIR RUN=REGEXP NATIVE_STATE=DIR]
	WHITTLE_E2E=1 WHITTLE_E2E_BASES='debian:bookworm gcc:12 golang:1.26' WHITTLE_NATIVE='$(NATIVE)' WHITTLE_NATIVE_STATE='$(NATIVE_STATE)' $(TEST) -count=1 -timeout 90m -run 'Test(Native|Oracle)$$/$(RUN)' ./cmd/whittle/e2e

# Where the table goes; seconds in it are only good on a quiet machine.
COMPARISON ?= docs/comparison.md
.PHONY: comparison
comparison: setup build ## write docs/comparison.md: every app as written, on a slim base, by hand and minimal: make comparison [COMPARISON=FILE]
	WHITTLE_E2E=1 WHITTLE_COMPARISON='$(COMPARISON)' $(TEST) -count=1 -timeout 120m -run TestComparison -v ./cmd/whittle/e2e

.PHONY: languages
languages: setup build ## build and run every app of a language with a runtime, as written and made minimal: make languages [RUN=REGEXP]
	WHITTLE_E2E=ci WHITTLE_LANGUAGES=1 $(TEST) -count=1 -timeout 90m -run 'Test(Node|Python|PHP|Ruby|Perl|Java|Sizes|Bytecode|Rewrite|Templates)$$/$(RUN)' -v ./cmd/whittle/e2e

# Pages in a browser: Chromium of the distribution, axe-core of the npm registry.
AXE := .tools/browser/node_modules/axe-core/axe.min.js
$(AXE): testdata/tools/browser/package-lock.json
	@mkdir -p .tools/browser && cp testdata/tools/browser/*.json .tools/browser
	cd .tools/browser && npm ci --silent --no-audit --no-fund && touch $(abspath $(AXE))

.PHONY: setup-browser browser
setup-browser: PACKAGES += chromium:/usr/bin/chromium
setup-browser: setup
# SHOTS=DIR keeps a picture of each page.
SHOTS ?=
browser: setup-browser $(AXE) ## look at pages of build, inspect and diff in a browser: make browser [SHOTS=DIR]
	WHITTLE_BROWSER=/usr/bin/chromium WHITTLE_AXE='$(abspath $(AXE))' WHITTLE_SHOTS='$(SHOTS)' $(TEST) -count=1 -timeout 10m -run Browser ./builder/page

# What editors are told of whittle lsp, run in them: the extension of VS Code with
# the editor's own language client and a stand-in for its window, and Neovim.
VSCODE := .tools/vscode
.PHONY: setup-editors editors
setup-editors: PACKAGES += neovim:/usr/bin/nvim
setup-editors: setup
editors: setup-editors build ## package and try the extension of VS Code, and whittle lsp in Neovim
	@rm -rf $(VSCODE)/test && mkdir -p $(VSCODE) && cp -R LICENSE lint/lsp/vscode/. $(VSCODE)
	cd $(VSCODE) && npm ci --silent --no-audit --no-fund && npm run --silent package && WHITTLE='$(abspath bin/whittle)' npm test --silent
	PATH='$(abspath bin)':"$$PATH" nvim --headless -u NONE -S lint/lsp/neovim/test.lua

.PHONY: update
update: ## write generated pages and goldens anew
	$(GO) generate ./...
	$(GO) test ./lint/rules -update
	$(GO) test ./lint/hadolint ./lint/format -update
	$(GO) test ./builder/frontend ./builder/decide -run Manual -update
	$(GO) test ./builder/sbom ./builder/report -update
	$(GO) test ./templates -update
	$(GO) test ./cmd/whittle -update

.PHONY: fuzz
fuzz: ## every fuzz target for thirty seconds
	@for pkg in $$(grep -rl 'func Fuzz' --include=*_test.go . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE 'func Fuzz[A-Za-z]+' $$pkg/*_test.go | cut -c6-); do \
	    echo "$$pkg $$f"; $(GO) test $$pkg -run XXX -fuzz "^$$f$$" -fuzztime 30s -fuzzminimizetime 10x || exit 1; done; done

IMAGE ?=
.PHONY: frontend-image
frontend-image: build ## pack the frontend image and push it: make frontend-image IMAGE=registry.example/whittle
	@test -n "$(IMAGE)" || { echo "IMAGE is not set" >&2; exit 2; }
	bin/whittle pack bin/whittle-frontend --user keep -t $(IMAGE) --push \
	  --label moby.buildkit.frontend.network.none=true \
	  --label moby.buildkit.frontend.caps=moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts,moby.buildkit.frontend.gitquerystring

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .tools
