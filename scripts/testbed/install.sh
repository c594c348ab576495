#!/bin/bash
# install.sh: puts a Docker engine and a static busybox on this machine, for the tests that need them.
#
# Does nothing when they are there. Needs root and a reachable Debian or Ubuntu package archive; says in a line
# why it cannot, and ends with 1. Starts no service.
set -uo pipefail

# A dynamic busybox would find no libraries in the image that is made of it.
is_complete() {
  local busybox
  busybox=$(command -v busybox) || return 1
  command -v dockerd >/dev/null && command -v ip >/dev/null && ! ldd "$busybox" >/dev/null 2>&1
}

refuse() {
  echo "no Docker engine: $1" >&2
  exit 1
}

is_complete && exit 0
[ "$(id -u)" = 0 ] || refuse "it would have to be installed, and this is not root"
command -v apt-get >/dev/null || refuse "it would have to be installed, and there is no apt-get"

log=$(mktemp)
trap 'rm -f "$log" "${policy:-}"' EXIT

# A freshly installed service would start at once: this policy forbids it while we install.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  policy=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
bounded() { timeout "${limit_s:-300}" "$@" >>"$log" 2>&1 </dev/null; }
# A stale list of packages still serves when the archive has not moved on.
limit_s=60 bounded apt-get update -qq
limit_s=300 bounded apt-get install -y -qq --no-install-recommends docker.io busybox-static iproute2 ||
  refuse "the packages could not be installed: $(tail -n 1 "$log")"
is_complete || refuse "the packages were installed, but dockerd or a static busybox is not there"
