FROM --platform=$BUILDPLATFORM {{image}} AS build
WORKDIR /src
COPY . .
# What Gradle downloads stays in a cache of the builder.
RUN --mount=type=cache,target=/root/.gradle \
    {{tool}} --no-daemon --console=plain {{task}} && {{collect}}
{{layered?}}RUN java -Djarmode=tools -jar /out/app.jar extract --destination /out/app && rm /out/app.jar

FROM eclipse-temurin:{{version}}-jre
WORKDIR /app
{{!layered?}}COPY --from=build /out ./
{{layered?}}# What others wrote changes less often than the program.
{{layered?}}COPY --from=build /out/app/lib ./lib
{{layered?}}COPY --from=build /out/app/app.jar ./
# Numbers, which Kubernetes can tell from root.
USER 65532:65532
{{port?}}EXPOSE {{port}}
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
ENTRYPOINT {{start}}
