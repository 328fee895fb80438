# Make targets for an app's repository: lint, build, sign and verify its image,
# keep what it is built from up to date.
#
#   IMAGE = registry.example/shop:1.2
#   include whittle.mk
#
# Variables, each with its default:
#
#   IMAGE            name of the image; required by image-build and later
#   DOCKERFILE       CONTEXT/Dockerfile; where there is none, a template builds
#   CONTEXT          .
#   PLATFORMS        platforms to build for, as linux/amd64,linux/arm64
#   COSIGN_KEY       cosign.key, COSIGN_PUB cosign.pub
#   WHITTLE          whittle, the command
#   WHITTLE_FLAGS    further flags of whittle build
#   LINT_FLAGS       further flags of whittle lint
#   DIFF_FLAGS       further flags of whittle diff
#   ATTESTATIONS     what image-verify asks for besides a signature: spdx,contents

WHITTLE ?= whittle
CONTEXT ?= .
DOCKERFILE ?= $(CONTEXT)/Dockerfile
PLATFORMS ?=
COSIGN_KEY ?= cosign.key
COSIGN_PUB ?= cosign.pub
ATTESTATIONS ?=

# A project without a Dockerfile is built by a template, and has none to lint.
WHITTLE_FILE := $(wildcard $(DOCKERFILE))
WHITTLE_BUILD = $(WHITTLE) build $(CONTEXT) $(if $(WHITTLE_FILE),-f $(WHITTLE_FILE)) -t $(IMAGE) $(if $(PLATFORMS),--platform $(PLATFORMS)) $(WHITTLE_FLAGS)

.PHONY: image-name image-init image-lint image-build image-rebuild image-sign image-verify image-inspect image-diff image-pin image-pin-check

image-name:
	@test -n "$(IMAGE)" || { echo "IMAGE is not set" >&2; exit 2; }

# Writes a Dockerfile for a project that has none.
image-init:
	$(WHITTLE) init $(CONTEXT)

image-lint:
ifneq ($(WHITTLE_FILE),)
	$(WHITTLE) lint --context $(CONTEXT) $(LINT_FLAGS) $(WHITTLE_FILE)
else
	@echo "there is no $(DOCKERFILE) to lint"
endif

image-build: image-name
	$(WHITTLE_BUILD) --push --sbom --provenance --base-labels

# Builds only when what the image was built from has moved.
image-rebuild: image-name
	$(WHITTLE_BUILD) --push --sbom --provenance --if-stale

image-sign: image-name
	$(WHITTLE) sign --key $(COSIGN_KEY) $(IMAGE)
	$(WHITTLE) attest --key $(COSIGN_KEY) $(IMAGE)

image-verify: image-name
	$(WHITTLE) verify --key $(COSIGN_PUB) $(if $(ATTESTATIONS),--attestation $(ATTESTATIONS)) $(IMAGE)

image-inspect: image-name
	$(WHITTLE) inspect $(IMAGE)

# Compares with OLD, such as what runs now: make image-diff OLD=NAME.
image-diff: image-name
	@test -n "$(OLD)" || { echo "OLD is not set" >&2; exit 2; }
	$(WHITTLE) diff $(DIFF_FLAGS) $(OLD) $(IMAGE)

# Moves digests in the Dockerfile to what their tags mean now.
image-pin:
	$(WHITTLE) pin --update $(WHITTLE_FILE)

image-pin-check:
	$(WHITTLE) pin --check $(WHITTLE_FILE)
