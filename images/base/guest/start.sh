#!/bin/bash
# The entry point, after tini. bash hands on every variable; dash drops those with a dot in their name.
# shellcheck disable=SC1091 # it is there in the image
. /usr/local/lib/image/home
# On a terminal, say what a person may want to know. A job without a terminal prints nothing of ours.
if [ -t 0 ] && [ -t 2 ]; then
  /opt/venv/bin/python -I -S /usr/local/lib/image/notes.py >&2
fi
exec "$@"
