#!/bin/sh
# newest.sh ROOT: writes to ROOT/var/lib/dpkg/newest when the newest file of a package was made (seconds since 1970).
# dpkg keeps the times that a package gives its files, and no file is newer than its package. mmdebstrap cuts the times of
# its files off, so it asks before that, and what it found counts here too.
cd "$1" || exit 1
kept=var/lib/dpkg/newest
found=$({
  cat "${kept}" 2>/dev/null
  # Documentation that the slim image leaves out is listed there too.
  cut -c35- var/lib/dpkg/info/*.md5sums | tr '\n' '\0' | xargs -0 stat -c %Y -- 2>/dev/null
} | sort -n | tail -n 1)
[ -n "${found}" ] && echo "${found}" >"${kept}"
