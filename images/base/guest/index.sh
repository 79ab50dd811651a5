#!/bin/sh
# index.sh: writes to /var/lib/dpkg/index what apt knows of each installed package, also the SHA-256 of its file.
# dpkg keeps no such hash. apt has it as long as its lists are there, of packages that Debian still serves.
set -e
dpkg-query --show --showformat='${binary:Package}=${Version}\n' | xargs apt-cache show >/var/lib/dpkg/index
