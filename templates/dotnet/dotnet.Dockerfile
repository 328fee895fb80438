FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:{{version}} AS build
ARG TARGETARCH
WORKDIR /src
COPY {{manifests}} ./
RUN --mount=type=cache,target=/root/.nuget/packages \
    dotnet restore {{project}} --arch "$TARGETARCH"{{locked}}
COPY . .
RUN --mount=type=cache,target=/root/.nuget/packages \
    dotnet publish {{project}} --configuration Release --no-restore --arch "$TARGETARCH" --no-self-contained --output /out

FROM mcr.microsoft.com/dotnet/{{runtime}}:{{version}}
WORKDIR /app
COPY --from=build /out ./
# The user app of the image, in numbers, which Kubernetes can tell from root.
USER 1654:1654
{{port?}}EXPOSE {{port}}
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
ENTRYPOINT {{start}}
