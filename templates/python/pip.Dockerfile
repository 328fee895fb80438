{{!compiler?}}FROM python:{{version}}-slim AS build
{{compiler?}}# The whole image has the compiler that {{compiler}} needs.
{{compiler?}}#
{{compiler?}}FROM python:{{version}} AS build
WORKDIR /app
RUN python -m venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH
{{requirements?}}COPY {{manifests}} ./
{{requirements?}}RUN --mount=type=cache,target=/root/.cache/pip \
{{requirements?}}    pip install -r {{requirements}}
COPY . .
{{package?}}RUN --mount=type=cache,target=/root/.cache/pip \
{{package?}}    pip install .

FROM python:{{version}}-slim
{{libraries?}}RUN apt-get update && apt-get install -y --no-install-recommends {{libraries}} && rm -rf /var/lib/apt/lists/*
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /app /app
# Numbers, which Kubernetes can tell from root.
USER 65532:65532
{{port?}}EXPOSE {{port}}
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
CMD {{start}}
