FROM node:{{version}}-slim AS build
WORKDIR /app
{{manager?}}RUN {{manager}}
{{!sources?}}COPY {{manifests}} ./
{{sources?}}# {{sources}}
{{sources?}}COPY . .
RUN --mount=type=cache,target={{cache}}{{secret}} \
    {{install}}
{{!sources?}}COPY . .
ENV NEXT_TELEMETRY_DISABLED=1
RUN mkdir -p public && {{build}}

# output: "standalone" is a server with what it requires, and nothing else.
FROM node:{{version}}-slim
ENV NODE_ENV=production HOSTNAME=0.0.0.0 PORT=3000
WORKDIR /app
COPY --from=build /app/.next/standalone ./
COPY --from=build /app/.next/static ./.next/static
COPY --from=build /app/public ./public
# The user node of the image, in numbers, which Kubernetes can tell from root.
USER 1000:1000
EXPOSE 3000
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
CMD ["node", "server.js"]
