# Owns the virtual environment of the programs in scripts/: sourced by them, it leaves .venv with
# exactly the locked packages, their hashes checked, and this project installed in place.
#
# Usage: source scripts/environment.sh; ensure_environment run|dev
#
# A fresh machine needs a Python >= 3.11 and its package client, nothing else: uv comes from the
# lock as well. Nothing happens while neither the locks nor pyproject.toml have changed.

# shellcheck shell=bash

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  echo "Likeness needs Python 3.11 or later; none was found. Install one, or name it: PYTHON=/path/to/python3 $0" >&2
  return 1
}

# The lines of one package (its pin and its hashes) out of a lock.
locked() {
  sed -n "/^$1==/,/[^\\\\]\$/p" "$2"
}

make_environment() {
  local python
  python=$(find_python) || return 1
  echo "Making .venv with $("$python" --version)" >&2
  rm -rf .venv
  if ! "$python" -m venv .venv; then
    # Debian ships this part of Python as a package of its own.
    rm -rf .venv
    source scripts/components.sh
    install_packages python3-venv || return 1
    "$python" -m venv .venv || return 1
  fi
  locked uv requirements-dev.txt >.venv/uv.txt
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement .venv/uv.txt
}

# What the environment was made from: the kind of it, and a digest of the files that decide it.
environment_stamp() {
  local digest
  digest=$(cat requirements.txt requirements-dev.txt pyproject.toml scripts/environment.sh | cksum)
  echo "$1 $digest"
}

ensure_environment() {
  local kind=$1 stamp=.venv/likeness-stamp lock
  # The development environment holds all that running needs.
  if [ "$kind" = run ] && grep -qs "^dev " "$stamp"; then kind=dev; fi
  if [ "$(environment_stamp "$kind")" = "$(cat "$stamp" 2>/dev/null)" ] && .venv/bin/python -c '' 2>/dev/null; then
    return
  fi
  lock=requirements.txt
  [ "$kind" = run ] || lock=requirements-dev.txt
  if ! .venv/bin/python -c '' 2>/dev/null || ! .venv/bin/uv --version >/dev/null 2>&1; then
    make_environment || return 1
  fi
  rm -f "$stamp"
  echo "Installing the packages of $lock" >&2
  VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip sync --quiet --require-hashes "$lock" || return 1
  # The build backend is held to the pins of the development lock, in an environment of its own.
  VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install --quiet --no-deps \
    --build-constraints requirements-dev.txt --editable . || return 1
  environment_stamp "$kind" >"$stamp"
}
