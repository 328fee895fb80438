{{!cgo?}}FROM --platform=$BUILDPLATFORM golang:{{version}} AS build
{{cgo?}}FROM golang:{{version}} AS build
WORKDIR /src
{{manifests?}}COPY {{manifests}} ./
{{manifests?}}RUN --mount=type=cache,target=/go/pkg/mod \
{{manifests?}}    go mod download
COPY . .
{{!cgo?}}# TARGETOS is what the program runs on; the compiler runs where the build does.
{{!cgo?}}ARG TARGETOS TARGETARCH TARGETVARIANT
{{!cgo?}}RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
{{!cgo?}}    case "$TARGETARCH" in arm) export GOARM="${TARGETVARIANT#v}" ;; esac; \
{{!cgo?}}    CGO_ENABLED=0 GOOS="$TARGETOS" GOARCH="$TARGETARCH" \
{{!cgo?}}    go build -trimpath{{tags}} -ldflags="-s -w" -o /out/{{name}} {{package}}
{{cgo?}}# C is linked into the program, and names are looked up by Go's own resolver, so
{{cgo?}}# that the program needs no library.
{{cgo?}}RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
{{cgo?}}    CGO_ENABLED=1 go build -trimpath{{tags}} -ldflags="-s -w -linkmode external -extldflags -static" -o /out/{{name}} {{package}}

FROM scratch
{{certificates?}}COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/{{name}} /usr/local/bin/{{name}}
# Numbers, which Kubernetes can tell from root.
USER 65532:65532
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
ENTRYPOINT ["/usr/local/bin/{{name}}"]
