# docker buildx bake with whittle as the frontend: minimal images of unchanged
# Dockerfiles.
#
#   WHITTLE=registry.example/whittle@sha256:... docker buildx bake
#
# Take over the target whittle and let your targets inherit from it.

variable "WHITTLE" {
  # Pin it to a digest: NAME:TAG@sha256:...
  default = "registry.example/whittle:latest"
}

variable "TAG" {
  default = "registry.example/app:latest"
}

group "default" {
  targets = ["app"]
}

target "whittle" {
  args = {
    BUILDKIT_SYNTAX     = WHITTLE
    WHITTLE_BASE_LABELS = "true"
  }
  attest = ["type=sbom", "type=provenance,mode=max"]
}

target "app" {
  inherits  = ["whittle"]
  context   = "."
  tags      = [TAG]
  platforms = ["linux/amd64", "linux/arm64"]
}
