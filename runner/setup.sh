#!/usr/bin/env bash
# Makes a fresh Debian or Ubuntu machine ready, and does nothing on a ready one: virtual environment, Docker engine,
# and the programs the harness runs (a registry, mmdebstrap). `--harness` stops after the virtual environment.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # dockerd is there, and few users have these folders in PATH

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'setup: %s -> %s\n' "$1" "$2" >&2; exit 3; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "this needs root: $*" "run as root, install sudo, or run that command yourself and try again"
  fi
}

apt_updated=
install_packages() {
  command -v apt-get >/dev/null || fail "no apt-get here to install $*" "install them by hand, then try again"
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    fail "$* must be installed, which only root may do" "run as root: apt-get install $*; then try again"
  say "installing $*"
  if [ -z "$apt_updated" ]; then as_root apt-get update -qq >/dev/null; apt_updated=1; fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "apt-get could not install $*" "read its message above"
}

virtual_environment() {
  local want python
  want=$(sha256sum requirements.lock | cut -c1-64)
  if [ "$(cat .venv/requirements.sha256 2>/dev/null)" = "$want" ]; then return; fi
  python=$(command -v python3.11) || fail "Python 3.11 was not found" "install python3.11"
  python=$("$python" -c 'import sys; print(sys._base_executable)') # with .venv active it is the one about to be removed
  "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3.11-venv
  say "creating .venv from requirements.lock"
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r requirements.lock 2>&1 |
    { grep -v '^WARNING: Location' >&2 || true; }
  .venv/bin/python -c 'import docker, isal, pydantic, rich' || fail "pip could not fill .venv" "read its message above"
  echo "$want" >.venv/requirements.sha256
}

programs() {
  local missing=()
  command -v docker-registry >/dev/null || missing+=(docker-registry)
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
  if [ "$(id -u)" != 0 ] && ! command -v newuidmap >/dev/null; then missing+=(uidmap); fi
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
}

# Docker's configuration is checked before docker-py reads it, which would wait for a named pipe. Code 2: what is said must
# be corrected first. Code 4: an engine runs, and this user may not use it.
engine_answers() {
  local said code=0
  # shellcheck disable=SC2016 # the backticks are in a message of Python
  said=$(PYTHONPATH=. timeout 60 .venv/bin/python -c '
import os, sys
from runner import docker_config, engine, engine_kind, errors
try:
    docker_config.check_config()
    engine.connect_engine()
    sys.exit(0)
except (errors.ConfigError, engine_kind.EngineUnsuited) as error:
    sys.exit(print(error) or 2)
except errors.EnvironmentFailed:
    pass
if not {"DOCKER_HOST", "DOCKER_CONTEXT"} & {name for name, value in os.environ.items() if value}:
    if docker_config.read_context_address():
        hint = "start it, or run `docker context use default`"
        sys.exit(print(f"no engine answers in the current Docker context -> {hint}") or 2)
if engine.denied_socket():
    sys.exit(4)
sys.exit(1)' 2>/dev/null) || code=$?
  if [ "$code" = 2 ]; then
    say "$said"
    exit 3
  fi
  return "$code"
}

engine() {
  local code=0
  engine_answers || code=$?
  if [ "$code" = 0 ]; then return; fi
  [ "$code" != 4 ] || fail "the Docker engine runs, and $(id -un) may not use it" \
    "sudo usermod -aG docker $(id -un), log in again, then try again"
  [ -z "${DOCKER_CONTEXT:-}" ] || fail "no engine answers in the Docker context of DOCKER_CONTEXT" "start it, or unset DOCKER_CONTEXT"
  [ -z "${DOCKER_HOST:-}" ] || fail "no engine answers at the address in DOCKER_HOST" "start it, or correct or unset DOCKER_HOST"
  command -v dockerd >/dev/null || install_packages docker.io iptables
  start_engine
  for _ in $(seq 60); do
    if engine_answers; then return; fi
    sleep 0.5
  done
  fail "the Docker engine does not answer" \
    "read /var/log/dockerd.log or 'journalctl -u docker'; a user needs to be in the group docker: usermod -aG docker $(id -un)"
}

start_engine() {
  say "starting the Docker engine"
  if [ -d /run/systemd/system ]; then as_root systemctl start docker
  else
    as_root mkdir -p /sys/fs/cgroup
    getent group docker >/dev/null || as_root groupadd --system docker
    as_root sh -c "setsid nohup dockerd --group docker >/var/log/dockerd.log 2>&1 </dev/null &"
    # who starts the engine may use it at once; a new member of the group docker first has to log in again
    if [ "$(id -u)" != 0 ]; then
      for _ in $(seq 60); do [ -S /var/run/docker.sock ] && break; sleep 0.5; done
      as_root chown "$(id -u)" /var/run/docker.sock
    fi
  fi
}

case "${1:-}" in
  "" | --harness) ;;
  *) printf 'usage: runner/setup.sh [--harness]\n' >&2; exit 2 ;;
esac
virtual_environment
[ "${1:-}" = --harness ] || { programs; engine; }
