#!/bin/bash
# image.sh SOCKET NAME: makes an image of the machine's static busybox in that engine, without any registry.
#
# Its httpd, nc, sh and sleep are all that the tests need. (Its wget is not to be trusted: it crashes in there.)
set -euo pipefail

socket=${1:?the socket of the engine}
name=${2:?the name of the image, such as local/busybox:1}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,root,www}
chmod 1777 "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
# The list names busybox itself, which a link would replace by itself.
for applet in $("$root/bin/busybox" --list | grep -vx busybox); do
  ln -sf busybox "$root/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
echo 'hello from a container' >"$root/www/index.html"

query="fromSrc=-&repo=${name%:*}&tag=${name##*:}&changes=ENV%20PATH%3D%2Fbin&changes=CMD%20%5B%22%2Fbin%2Fsh%22%5D"
tar -C "$root" --numeric-owner --owner=0 --group=0 -c . |
  curl -sf --max-time 120 --unix-socket "$socket" -X POST -H 'Content-Type: application/x-tar' -T - \
    "http://engine/images/create?$query" >/dev/null
