/**
 * How soon a broadcast reaches all members of a large cluster over links of 20 to 50 ms, and how many copies each
 * gets: the simulator's model of gossipsub, which is held against recorded runs of real agents, over the links that
 * the agents' own membership asks for.
 */
import { type GossipMesh, gossipMeshOf } from '../../protocol/membership/gossip-mesh.ts'
import { Simulator } from '../../sim/simulator.ts'
import { startWarm } from '../../sim/warm-start.ts'
import { atMost, type Figure, median } from './figure.ts'

const secondUs = 1_000_000
const warmUs = 15 * secondUs
const withinUs = 5 * secondUs
const network = {
  latencyMinUs: 20_000,
  latencyMaxUs: 50_000,
  lossPermille: 0,
  duplicatePermille: 0,
}

interface Spread {
  readonly lastUs: number
  readonly medianUs: number
  readonly reached: number
  readonly copies: number
}

/** `bounds`: of the mesh; left out, as the members ask for. */
export function benchDissemination(
  members: number,
  targetMs: number,
  broadcasts: number,
  bounds?: GossipMesh,
): Figure[] {
  const { degree: d } = bounds ?? gossipMeshOf(members)
  const gossip = bounds === undefined ? {} : { bounds }
  const simulator = new Simulator({ seed: 1, members, network, gossip })
  startWarm(simulator)
  simulator.run(warmUs)
  const spreads = Array.from({ length: broadcasts }, (_, i) => spread(simulator, i))
  const others = members - 1
  const reached = Math.min(...spreads.map((each) => each.reached))
  const halfMs = median(spreads.map(({ medianUs }) => medianUs / 1000))
  const last = {
    name: `a broadcast at all of ${members} members, mesh of ${d}`,
    value: median(spreads.map(({ lastUs }) => lastUs / 1000)),
    unit: 'ms',
    note: `half of them by ${halfMs.toFixed(0)} ms; ${reached} of ${others} reached; ${broadcasts} broadcasts`,
  }
  const copies = {
    name: `copies of it that a member receives, ${members} members, mesh of ${d}`,
    value: median(spreads.map((each) => each.copies)),
    unit: '',
  }
  return [
    reached < others ? { ...last, target: 'all', isMet: false } : atMost(targetMs, last),
    copies,
  ]
}

/** An empty broadcast by one member; the cores drop it, since it says nothing. */
function spread(simulator: Simulator, i: number): Spread {
  const { gossip, hosts } = simulator
  const author = hosts[(i * 7919 + 5) % hosts.length]!
  const delaysUs: number[] = []
  const told = gossip.onDelivered
  const copiesBefore = gossip.counts.copies
  gossip.onDelivered = (_, delayUs) => delaysUs.push(delayUs)
  gossip.publish(author, {
    author: author.id,
    sequence: 2 ** 40 + i,
    updates: [],
    records: [],
    signature: new Uint8Array(64),
  })
  simulator.runUntil(() => delaysUs.length === hosts.length - 1, withinUs)
  simulator.run(secondUs)
  gossip.onDelivered = told
  delaysUs.sort((a, b) => a - b)
  return {
    lastUs: delaysUs.at(-1) ?? Number.POSITIVE_INFINITY,
    medianUs: delaysUs[delaysUs.length >> 1] ?? Number.POSITIVE_INFINITY,
    reached: delaysUs.length,
    copies: (gossip.counts.copies - copiesBefore) / (hosts.length - 1),
  }
}
