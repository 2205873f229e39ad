# Owns how the real parts that tests need come onto a machine: a browser, an S3 server, the oldest
# supported Postgres. Each function succeeds when the part is there afterwards.
#
# Usage: source scripts/components.sh; ensure_minio; ensure_chromium; ensure_postgres15

# shellcheck shell=bash

# The last release of the server whose source is public.
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
LIKENESS_TOOLS=$HOME/.cache/likeness/bin

have() {
  command -v "$1" >/dev/null 2>&1
}

# Debian's packages, where we may install them.
install_packages() {
  if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "Not installed: $*. With apt-get: sudo apt-get install $*" >&2
    return 1
  fi
  echo "Installing $*" >&2
  apt-get update -qq </dev/null >&2 || echo "apt-get update failed; trying with the lists at hand" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" </dev/null >/dev/null
}

ensure_minio() {
  if [ -n "${LIKENESS_TEST_MINIO:-}" ] || have minio || [ -x "$LIKENESS_TOOLS/minio" ]; then return; fi
  if ! have go; then
    echo "No MinIO: put minio on PATH, or install Go and run this again" >&2
    return 1
  fi
  echo "Building MinIO $MINIO_VERSION (minutes, once)" >&2
  mkdir -p "$LIKENESS_TOOLS"
  GOBIN="$LIKENESS_TOOLS" CGO_ENABLED=0 go install "github.com/minio/minio@$MINIO_VERSION"
}

ensure_chromium() {
  if [ -n "${LIKENESS_TEST_CHROMIUM:-}" ] || have chromium || have chromium-browser || have google-chrome; then return; fi
  install_packages chromium fonts-dejavu-core
}

ensure_postgres15() {
  if [ -x /usr/lib/postgresql/15/bin/postgres ] && [ -e /usr/lib/postgresql/15/lib/plpgsql_check.so ]; then
    return
  fi
  install_packages postgresql-15 postgresql-15-plpgsql-check
}
