#!/bin/sh
# install.sh PYTHON: puts the files of this folder into an image. Their modes do not depend on those of a checkout.
set -e
cd "$(dirname "$0")"
own=/usr/local/lib/image packages="/opt/venv/lib/python$1/site-packages" shared="/usr/local/lib/python$1/dist-packages"
install -D -m 644 profile.sh /etc/profile.d/image.sh
install -D -m 644 environment /etc/environment
install -D -m 644 home.sh "${own}/home"
install -D -m 644 -t "${own}" notes.py
install -D -m 755 start.sh "${own}/start"
install -D -m 644 -t "${packages}" image_start.py image_start.pth
# A virtual environment that sees the packages of the system sees those of the image: they are what a user means by it.
install -d "${shared}"
sed "s/@PYTHON@/$1/" virtual_environments.pth >"${shared}/virtual_environments.pth"
chmod 644 "${shared}/virtual_environments.pth"
PYTHONHASHSEED=0 "/usr/bin/python$1" -S -m compileall -q --invalidation-mode checked-hash "${packages}/image_start.py"
# Anybody may run an image, under a number that has no account (Kubernetes, OpenShift). As in /tmp, nobody can remove
# the files of others.
chmod 1777 /home/mluser /workspace
