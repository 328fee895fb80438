FROM rust:{{version}}-bookworm AS build
WORKDIR /src
COPY . .
# Crates and what is compiled stay in caches of the builder, so that a change of
# a source file compiles that alone; Cargo.lock says which versions there are.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/usr/local/cargo/git \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release{{locked}} --bin {{name}} && install -D target/release/{{name}} /out/{{name}}

{{!libraries?}}FROM gcr.io/distroless/cc-debian12:nonroot
{{libraries?}}FROM debian:bookworm-slim
{{libraries?}}RUN apt-get update && apt-get install -y --no-install-recommends {{libraries}} && rm -rf /var/lib/apt/lists/*
{{libraries?}}COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/{{name}} /usr/local/bin/{{name}}
# Numbers, which Kubernetes can tell from root.
USER 65532:65532
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
ENTRYPOINT ["/usr/local/bin/{{name}}"]
