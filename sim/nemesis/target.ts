/** Whom a fault strikes: from the words of a scenario to hosts, in the order of their index unless drawn. */
import type { Random } from '../../protocol/base/random.ts'
import type { Host } from '../host.ts'
import type { Target } from '../scenario/fault-shape.ts'
import { countRange, sharePpm } from '../scenario/quantity.ts'
import type { Topology } from '../topology.ts'
import { even } from '../workload/distribution.ts'

export function hostsOf(
  target: Target,
  hosts: readonly Host[],
  topology: Topology,
  random: Random,
): Host[] {
  const { members, count, share, rack, racks, region, regions } = target
  const up = () => hosts.filter((host) => host.isUp)
  const ofRacks = (chosen: readonly number[]) =>
    hosts.filter(({ index }) => chosen.includes(topology.rackOf(index)))
  const ofRegions = (chosen: readonly number[]) =>
    hosts.filter(({ index }) => chosen.includes(topology.regionOf(index)))
  if (members !== undefined) return hosts.filter(({ name }) => members.includes(name))
  if (count !== undefined) return some(up(), even(random, countRange(count)), random)
  if (share !== undefined) return some(up(), shareOf(hosts.length, share), random)
  if (rack !== undefined) return ofRacks([topology.rackNames.indexOf(rack)])
  if (racks !== undefined) return ofRacks(drawNumbers(topology.rackNames.length, racks, random))
  if (regions !== undefined) return ofRegions(drawNumbers(topology.regions.length, regions, random))
  if (region !== undefined)
    return ofRegions([topology.regions.findIndex(({ name }) => name === region)])
  const named = topology.classes.findIndex(({ name }) => name === target.class)
  return hosts.filter(({ index }) => topology.classOf(index) === named)
}

/** At least one: a share of few is still a fault. */
function shareOf(hosts: number, share: string): number {
  return Math.max(1, Math.floor((hosts * sharePpm(share)) / 1_000_000))
}

function some(hosts: Host[], count: number, random: Random): Host[] {
  return random.shuffle(hosts).slice(0, count)
}

function drawNumbers(bound: number, count: number, random: Random): number[] {
  return random.shuffle(Array.from({ length: bound }, (_, i) => i)).slice(0, count)
}
