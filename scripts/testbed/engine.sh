#!/bin/bash
# engine.sh: a Docker engine of our own, in a folder of its own, for tests. Needs root.
#
#   engine.sh up DIR [NETNS]    starts it and waits until it answers at unix://DIR/docker.sock
#   engine.sh kill DIR          kills it as a crash would: its containers go on (--live-restore)
#   engine.sh down DIR          removes its containers, ends it, and removes the folder and the namespace
#
# Without NETNS it has no bridge, and changes nothing of the machine's network: containers have only `lo`, or
# the host's network. With NETNS it runs in a network namespace of that name, which it makes, with a bridge and
# published ports that exist nowhere else. (By nsenter: `ip netns exec` would hide the control groups.)
set -euo pipefail

command=${1:?up, kill or down}
mkdir -p "${2:?the folder}"
dir=$(cd "$2" && pwd)
socket=$dir/docker.sock

ask() { curl -sf --max-time 60 --unix-socket "$socket" "$@"; }

# Its processes are known by the pid file: dockerd's own, and that of the containerd that it started.
pid_of() { cat "$dir/$1" 2>/dev/null || true; }

is_running() { [ -n "$1" ] && [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

await_end() {
  for _ in $(seq 300); do
    is_running "$1" || return 0
    sleep 0.1
  done
  return 1
}

# The first thread of a process that was killed is a zombie before its last has let go of the socket: until then
# a connection is taken, and reset.
await_refusal() {
  local code
  for _ in $(seq 300); do
    code=0
    ask http://engine/_ping >/dev/null || code=$?
    [ "$code" != 7 ] || return 0
    sleep 0.1
  done
  return 1
}

up() {
  local namespace=${1:-} enter=() network=(--bridge=none --iptables=false --ip6tables=false --ip-forward=false)
  if [ -n "$namespace" ]; then
    if [ ! -e "$dir/netns" ]; then
      ip netns add "$namespace"
      ip -n "$namespace" link set lo up
      echo "$namespace" >"$dir/netns"
    fi
  elif [ -e "$dir/netns" ]; then
    namespace=$(cat "$dir/netns")
  fi
  if [ -n "$namespace" ]; then
    enter=(nsenter "--net=/run/netns/$namespace")
    # No rules at all: a proxy of the engine's publishes the ports.
    network=(--bip 10.77.0.1/24 --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false)
  fi
  # A killed engine leaves pid files, and the next one would take a zombie for a running one.
  is_running "$(pid_of dockerd.pid)" || rm -f "$dir/dockerd.pid"
  is_running "$(pid_of exec/containerd/containerd.pid)" || rm -f "$dir/exec/containerd/containerd.pid"
  setsid "${enter[@]}" dockerd -H "unix://$socket" --data-root "$dir/data" --exec-root "$dir/exec" \
    --pidfile "$dir/dockerd.pid" --live-restore --storage-driver "${STARLING_STORAGE_DRIVER:-overlay2}" \
    --exec-opt native.cgroupdriver=cgroupfs --shutdown-timeout 1 "${network[@]}" \
    >>"$dir/dockerd.log" 2>&1 </dev/null &
  local engine=$!
  for _ in $(seq 300); do
    ask http://engine/_ping >/dev/null && return 0
    is_running "$engine" || break
    sleep 0.1
  done
  tail -n 5 "$dir/dockerd.log" >&2
  return 1
}

crash() {
  local pid
  pid=$(pid_of dockerd.pid)
  is_running "$pid" || return 1
  kill -9 "$pid"
  await_end "$pid"
  await_refusal
  # The kernel ends its containerd with it, a moment later.
  await_end "$(pid_of exec/containerd/containerd.pid)"
}

remove_containers() {
  ask 'http://engine/containers/json?all=1' | grep -o '"Id":"[0-9a-f]*"' | cut -d'"' -f4 |
    while read -r id; do ask -X DELETE "http://engine/containers/$id?force=1&v=1" >/dev/null || true; done
}

# Of shims too: each names the engine's own socket of containerd.
end_leftovers() {
  local pid
  for pid in $(grep -lzF -- "$dir/exec" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do
    [ "$pid" = $$ ] || kill -9 "$pid" 2>/dev/null || true
  done
}

down() {
  local pid
  pid=$(pid_of dockerd.pid)
  is_running "$pid" || up >/dev/null 2>&1 || true
  pid=$(pid_of dockerd.pid)
  remove_containers || true
  if is_running "$pid"; then
    kill "$pid"
    await_end "$pid" || kill -9 "$pid" || true
  fi
  end_leftovers
  grep -o " $dir/[^ ]*" /proc/mounts | sort -r | while read -r mount; do umount -l "$mount"; done || true
  [ ! -e "$dir/netns" ] || ip netns del "$(cat "$dir/netns")" || true
  rm -rf "$dir"
}

case $command in
  up) up "${3:-}" ;;
  kill) crash ;;
  down) down ;;
  *) echo "engine.sh up DIR [NETNS] | kill DIR | down DIR" >&2 && exit 2 ;;
esac
