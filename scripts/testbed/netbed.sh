#!/bin/bash
# netbed.sh: N hosts on one switch, as network namespaces of this machine, for tests of several nodes. Needs root.
#
#   netbed.sh up N [NAME]     hosts starling-NAME-1…N with 10.66.0.1…N/24 at eth0, switch starling-NAME-switch
#   netbed.sh cut N [NAME]    pulls the cable of host N; `mend N` puts it back
#   netbed.sh part LIST [NAME]    plugs the hosts of the list, such as 1,2, into a switch of their own
#   netbed.sh heal [NAME]     plugs all hosts into the first switch again
#   netbed.sh mute A B [NAME] loses what host A sends to host B, one way; `unmute A B` ends that
#   netbed.sh down [NAME]     removes all of it, and ends what runs in it
#
# NAME, `bed` unless given, keeps two beds apart, at most 5 characters. Nothing of the machine's own network
# changes, and nothing in a bed reaches it. A command runs on host 2 by
#   nsenter --net=/run/netns/starling-bed-2 command
# No firewall is needed: groups are parted by their switches, and what is muted goes to a wrong hardware address.
# Nobody is told, as with a broken cable. The kernel may lack netem, so there is no delay.
set -euo pipefail

usage() {
  sed -n '2,16s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

host() { echo "starling-$name-$1"; }
# A device's name has at most 15 characters: its port on the switch.
port() { echo "st-$name-$1"; }

up() {
  local count=$1 switch i
  [ "$count" -le 250 ] || usage
  switch=$(host switch)
  ip netns add "$switch"
  ip -n "$switch" link set lo up
  bridge 0
  for i in $(seq "$count"); do
    ip netns add "$(host "$i")"
    ip -n "$switch" link add "$(port "$i")" type veth peer name eth0 netns "$(host "$i")"
    ip -n "$switch" link set "$(port "$i")" master bridge0 up
    ip -n "$(host "$i")" link set lo up
    ip -n "$(host "$i")" addr add "10.66.0.$i/24" dev eth0
    ip -n "$(host "$i")" link set eth0 up
  done
}

bridge() {
  ip -n "$(host switch)" link add "bridge$1" type bridge
  ip -n "$(host switch)" link set "bridge$1" up
}

plug() { ip -n "$(host switch)" link set "$(port "$1")" master "bridge$2"; }

# The switch of a group has the number of its first host.
part() {
  local hosts=${1//,/ } first=${1%%,*} i
  ip -n "$(host switch)" link show "bridge$first" >/dev/null 2>&1 || bridge "$first"
  for i in $hosts; do plug "$i" "$first"; done
}

heal() {
  local i
  for i in $(ip netns list | grep -o "^starling-$name-[0-9]*" | grep -o '[0-9]*$'); do plug "$i" 0; done
}

mute() { ip -n "$(host "$1")" neigh replace "10.66.0.$2" lladdr 02:00:00:00:00:00 dev eth0 nud permanent; }

unmute() { ip -n "$(host "$1")" neigh del "10.66.0.$2" dev eth0; }

down() {
  local namespace
  for namespace in $(ip netns list | cut -d' ' -f1 | grep "^starling-$name-" || true); do
    ip netns pids "$namespace" | xargs -r kill -9 2>/dev/null || true
    ip netns del "$namespace"
  done
}

case ${1:-} in
  up | cut | mend | part) name=${3:-bed} ;;
  mute | unmute) name=${4:-bed} ;;
  down | heal) name=${2:-bed} ;;
  *) usage ;;
esac
[[ $name =~ ^[a-z0-9]{1,5}$ ]] || usage

case $1 in
  # A bed that is only half there is of no use to anyone.
  up) trap 'down' ERR && set -E && up "${2:?how many hosts}" ;;
  cut) ip -n "$(host switch)" link set "$(port "${2:?which host}")" down ;;
  part) part "${2:?which hosts}" ;;
  heal) heal ;;
  mute | unmute) "$1" "${2:?which host}" "${3:?towards which}" ;;
  mend) ip -n "$(host switch)" link set "$(port "${2:?which host}")" up ;;
  down) down ;;
esac
