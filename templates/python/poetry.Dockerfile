{{!compiler?}}FROM python:{{version}}-slim AS build
{{compiler?}}# The whole image has the compiler that {{compiler}} needs.
{{compiler?}}#
{{compiler?}}FROM python:{{version}} AS build
WORKDIR /app
RUN python -m venv /app/.venv && python -m venv /opt/poetry && /opt/poetry/bin/pip install --no-cache-dir poetry=={{manager}}
ENV PATH=/app/.venv/bin:$PATH VIRTUAL_ENV=/app/.venv POETRY_NO_INTERACTION=1
COPY {{manifests}} ./
RUN --mount=type=cache,target=/root/.cache/pypoetry \
    /opt/poetry/bin/poetry install --only main --no-root
COPY . .
{{package?}}RUN --mount=type=cache,target=/root/.cache/pip \
{{package?}}    pip install --no-deps .

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
