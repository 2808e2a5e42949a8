# Sourced by `check` and `demo`: the Python environment .venv, from the hashed lock. Made again when what it is made
# from changed; a second run takes no time. Needs Python 3.11 or newer, and installs it where that is Debian and root.

find_python() {
  local name
  for name in python3 python3.11 python3.12 python3.13 python3.14; do
    # Not every name on PATH runs, and Debian ships venv apart.
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

make_environment() {
  local python made_from
  if ! python=$(find_python); then
    if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
      echo "error: Python 3.11 or newer with venv is needed; on Debian: sudo apt-get install python3-venv" >&2
      return 1
    fi
    echo "installing python3-venv" >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-venv; } \
      >/dev/null </dev/null
    python=$(find_python)
  fi
  made_from=$({ "$python" --version; pwd; cat tests/requirements.lock pyproject.toml; } | sha256sum)
  if [[ $(cat .venv/made-from 2>/dev/null) != "$made_from" ]]; then
    echo "making the Python environment .venv" >&2
    "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    echo "$made_from" >.venv/made-from
  fi
}

make_environment
export PATH="$PWD/.venv/bin:$PATH"
