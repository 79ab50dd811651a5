#!/bin/sh
# install.sh PYTHON CUDA PACKAGES MIRROR: installs Debian packages, then runs the install.sh of each stack.
set -e
python="python$1"
compiled() { dpkg-query --show "lib${python}-minimal" "lib${python}-stdlib"; }
before=$(compiled)
if [ -n "$4" ]; then
  cp -r /etc/apt /tmp/apt
  find /tmp/apt -name '*.list' -exec sed -i -E "s#https?://\S+/debian(-security)?/? #$4\1 #" {} +
  find /tmp/apt -name '*.sources' -exec sed -i -E "s#https?://\S+/debian(-security)?/?\$#$4\1#" {} +
  echo 'Dir::Etc::SourceList "/tmp/apt/sources.list"; Dir::Etc::SourceParts "/tmp/apt/sources.list.d";' >/tmp/apt.conf
  export APT_CONFIG=/tmp/apt.conf
fi
if [ -n "$3" ]; then
  apt-get update
  # shellcheck disable=SC2086 # names, separated by blanks
  apt-get install -y --no-install-recommends $3
  apt-get clean
fi
sh /tmp/added/index.sh
rm -rf /var/lib/apt/lists/*
# A key that is in an image is known to all who have it.
rm -f /etc/ssh/ssh_host_*
# Debian may have a newer Python than the OS layer, which a package here needs: compiled as there.
if [ "$(compiled)" != "${before}" ]; then
  find /usr/lib -name __pycache__ -prune -exec rm -rf {} +
  PYTHONHASHSEED=0 "${python}" -m compileall -q -f --invalidation-mode unchecked-hash "/usr/lib/${python}"
fi
for stack in /tmp/added/stacks/*/install.sh; do
  if [ -e "${stack}" ]; then sh "${stack}" "$1" "$2"; fi
done
sh /tmp/added/newest.sh /
# No program needs the rights of another user: the images run as one user.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
