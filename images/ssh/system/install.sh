#!/bin/sh
# install.sh PYTHON CUDA: puts the files of this folder into an image.
set -e
cd "$(dirname "$0")"
install -D -m 644 -t /usr/local/lib/image sshd_config start_ssh.py
# The keys of the server: a volume that is mounted here gets its owner and mode.
install -d -m 700 -o mluser -g mluser /var/lib/ssh-server
