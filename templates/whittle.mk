# Make targets for an app's repository: lint, build, sign and verify its image.
#
#   IMAGE = registry.example/shop:1.2
#   include whittle.mk
#
# Variables, each with its default:
#
#   IMAGE            name of the image; required by image-build and later
#   DOCKERFILE       Dockerfile
#   CONTEXT          .
#   PLATFORMS        platforms to build for, as linux/amd64,linux/arm64
#   COSIGN_KEY       cosign.key, COSIGN_PUB cosign.pub
#   WHITTLE          whittle, the command
#   WHITTLE_FLAGS    further flags of whittle build
#   LINT_FLAGS       further flags of whittle lint
#   ATTESTATIONS     what image-verify asks for besides a signature: spdx,contents

WHITTLE ?= whittle
DOCKERFILE ?= Dockerfile
CONTEXT ?= .
PLATFORMS ?=
COSIGN_KEY ?= cosign.key
COSIGN_PUB ?= cosign.pub
ATTESTATIONS ?=

.PHONY: image-lint image-build image-sign image-verify

image-lint:
	$(WHITTLE) lint --context $(CONTEXT) $(LINT_FLAGS) $(DOCKERFILE)

image-build:
	@test -n "$(IMAGE)" || { echo "IMAGE is not set" >&2; exit 2; }
	$(WHITTLE) build $(CONTEXT) -f $(DOCKERFILE) -t $(IMAGE) --push --sbom --provenance $(if $(PLATFORMS),--platform $(PLATFORMS)) $(WHITTLE_FLAGS)

image-sign:
	@test -n "$(IMAGE)" || { echo "IMAGE is not set" >&2; exit 2; }
	$(WHITTLE) sign --key $(COSIGN_KEY) $(IMAGE)
	$(WHITTLE) attest --key $(COSIGN_KEY) $(IMAGE)

image-verify:
	@test -n "$(IMAGE)" || { echo "IMAGE is not set" >&2; exit 2; }
	$(WHITTLE) verify --key $(COSIGN_PUB) $(if $(ATTESTATIONS),--attestation $(ATTESTATIONS)) $(IMAGE)
