FROM node:{{version}}-slim AS build
WORKDIR /app
{{manager?}}RUN {{manager}}
{{!sources?}}COPY {{manifests}} ./
{{sources?}}# {{sources}}
{{sources?}}COPY . .
RUN --mount=type=cache,target={{cache}}{{secret}} \
    {{install}}
{{!sources?}}COPY . .
{{build?}}RUN {{build}}

FROM node:{{version}}-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app /app
# The user node of the image, in numbers, which Kubernetes can tell from root.
USER 1000:1000
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
CMD {{start}}
