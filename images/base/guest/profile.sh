#!/bin/sh
# Login shells: /etc/profile has set PATH to that of Debian.
case ":${PATH}:" in
  *:/opt/venv/bin:*) ;;
  *) export PATH="/opt/venv/bin:${PATH}" ;;
esac
export VIRTUAL_ENV="${VIRTUAL_ENV:-/opt/venv}" LANG="${LANG:-C.UTF-8}"
# shellcheck disable=SC1091 # it is there in the image
. /usr/local/lib/image/home
