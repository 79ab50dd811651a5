#!/bin/sh
# A home that can be written, whoever runs the image; image_start.py does the same for programs without a shell.
if [ ! -w "${HOME:-/nowhere}" ]; then
  own_home="${TMPDIR:-/tmp}/home-$(id -u)"
  if [ -w /home/mluser ]; then
    export HOME=/home/mluser
  elif mkdir -m 700 "${own_home}" 2>/dev/null; then
    export HOME="${own_home}"
  elif [ ! -L "${own_home}" ] && [ "$(stat -c '%u %a' "${own_home}" 2>/dev/null)" = "$(id -u) 700" ]; then
    export HOME="${own_home}"
  fi
  unset own_home
fi
