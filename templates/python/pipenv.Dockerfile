{{!compiler?}}FROM python:{{version}}-slim AS build
{{compiler?}}# The whole image has the compiler that {{compiler}} needs.
{{compiler?}}#
{{compiler?}}FROM python:{{version}} AS build
WORKDIR /app
RUN python -m venv /app/.venv && python -m venv /opt/pipenv && /opt/pipenv/bin/pip install --no-cache-dir pipenv=={{manager}}
ENV PATH=/app/.venv/bin:$PATH VIRTUAL_ENV=/app/.venv PIPENV_NOSPIN=1
COPY {{manifests}} ./
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=cache,target=/root/.cache/pipenv \
    /opt/pipenv/bin/pipenv sync
COPY . .

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
