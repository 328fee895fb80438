# The whole image has the compiler that gems with C need.
#
FROM ruby:{{version}} AS build
ENV BUNDLE_DEPLOYMENT=1 BUNDLE_WITHOUT=development:test
WORKDIR /app
COPY {{manifests}} ./
RUN bundle install && rm -rf "${BUNDLE_PATH:-/usr/local/bundle}"/cache "${BUNDLE_PATH:-/usr/local/bundle}"/ruby/*/cache
COPY . .
{{assets?}}# A key for this step alone, which ends up nowhere.
{{assets?}}RUN SECRET_KEY_BASE_DUMMY=1 RAILS_ENV=production bundle exec rails assets:precompile

FROM ruby:{{version}}-slim
{{libraries?}}RUN apt-get update && apt-get install -y --no-install-recommends {{libraries}} && rm -rf /var/lib/apt/lists/*
ENV BUNDLE_DEPLOYMENT=1 BUNDLE_WITHOUT=development:test{{environment}}
WORKDIR /app
COPY --from=build /usr/local/bundle /usr/local/bundle
COPY --from=build /app /app
{{rails?}}# What the program writes; all else is root's.
{{rails?}}RUN mkdir -p tmp log storage && chown -R 65532:65532 tmp log storage
# Numbers, which Kubernetes can tell from root.
USER 65532:65532
{{port?}}EXPOSE {{port}}
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
CMD {{start}}
