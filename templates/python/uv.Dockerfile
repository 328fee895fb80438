{{!compiler?}}FROM python:{{version}}-slim AS build
{{compiler?}}# The whole image has the compiler that {{compiler}} needs.
{{compiler?}}#
{{compiler?}}FROM python:{{version}} AS build
WORKDIR /app
COPY --from=ghcr.io/astral-sh/uv:{{manager}} /uv /usr/local/bin/
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1
COPY {{manifests}} ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-dev --no-install-project{{workspace}}
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-dev --no-editable{{workspace}}

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
