/**
 * Walks of the DHT among nodes with the agent's own libp2p settings, all in this process: how many are asked, how
 * deep the chain of answers goes, how soon the first provider is known. What depends on the work of one process
 * for all nodes (milliseconds) is recorded too, but only counts can be compared with anything.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { protocolIds } from '../../node/network/cluster.ts'
import { Counters } from '../../node/network/counters.ts'
import { serviceKey } from '../../node/network/dht.ts'
import { createNode, type Node } from '../../node/network/libp2p.ts'
import { timing } from '../../node/network/timing.ts'
import { median, percentile } from '../benchmark/figure.ts'
import { machine } from './quantile.ts'

/** The first walk of a node to itself comes after half to one and a half times this. */
const settleMs = 1.6 * timing.dhtSelfWalkMs
const services = 12
const findsEach = 2
const dialTries = 10

/** A walk of the agent ends after 10 s; here all nodes share one process, and it is to be seen to its end. */
const patienceMs = 120_000

interface Walk {
  readonly asked: number
  readonly failed: number
  readonly depth: number
  readonly ms: number
  readonly firstMs: number
  readonly providers: number
}

export async function recordDht(members: number) {
  const on = machine()
  const nodes: Node[] = []
  for (let i = 0; i < members; i++) nodes.push(await startNode(i))
  try {
    await linkAll(nodes)
    await new Promise((resolve) => setTimeout(resolve, settleMs))
    const tables = nodes.map(tableSize)
    const [provides, finds]: [Walk[], Walk[]] = [[], []]
    for (let i = 0; i < services; i++) {
      const name = `service-${i}`
      provides.push(await walk(nodes[(i * 7) % members]!, 'provide', name))
      for (let j = 1; j <= findsEach; j++)
        finds.push(await walk(nodes[(i * 7 + j * 11) % members]!, 'findProviders', name))
    }
    return {
      machine: on,
      members,
      links: linksOf(members) * 2,
      table: { mean: mean(tables), least: Math.min(...tables), most: Math.max(...tables) },
      provide: summary(provides),
      find: summary(finds),
    }
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
}

async function startNode(seed: number): Promise<Node> {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, seed + 1)
  const node = await createNode({
    privateKey: await generateKeyPairFromSeed('Ed25519', bytes),
    clusterKey: new Uint8Array(32).fill(7),
    protocols: protocolIds('calibrate', 'main'),
    listen: '/ip4/127.0.0.1/tcp/0',
    announce: [],
    counters: new Counters(),
  })
  await node.start()
  return node
}

/** The rings of a cluster of that size: K = clamp(⌈log2 N⌉, 3, 10); up to twenty all are linked. */
function linksOf(members: number): number {
  if (members <= 20) return (members - 1) / 2
  return Math.min(10, Math.max(3, Math.ceil(Math.log2(members))))
}

async function linkAll(nodes: readonly Node[]): Promise<void> {
  const steps = nodes.length <= 20 ? nodes.length - 1 : linksOf(nodes.length)
  for (const [i, node] of nodes.entries())
    for (let ring = 1; ring <= steps; ring++) {
      const step = nodes.length <= 20 ? ring : 1 + ((ring * ring * 5) % (nodes.length - 1))
      const other = nodes[(i + step) % nodes.length]!
      if (other !== node) await link(node, other)
    }
}

/** On a busy machine a handshake may time out. */
async function link(node: Node, other: Node): Promise<void> {
  for (let tries = 1; node.getConnections(other.peerId).length === 0; tries++)
    try {
      await node.dial(other.getMultiaddrs())
    } catch (error) {
      if (tries === dialTries) throw error
    }
}

function tableSize(node: Node): number {
  return (node.services.dht as unknown as { routingTable: { size: number } }).routingTable.size
}

async function walk(node: Node, what: 'provide' | 'findProviders', name: string): Promise<Walk> {
  const depthOf = new Map<string, number>()
  const startedAt = performance.now()
  let [asked, failed, depth, providers] = [0, 0, 0, 0]
  let firstMs = Number.NaN
  const signal = AbortSignal.timeout(patienceMs)
  for await (const event of node.services.dht[what](serviceKey(name), { signal })) {
    const isWrite = 'messageName' in event && event.messageName === 'ADD_PROVIDER'
    if (event.name === 'SEND_QUERY' && !isWrite) asked++
    if (event.name === 'QUERY_ERROR') failed++
    if (event.name === 'PROVIDER') {
      providers += event.providers.length
      if (Number.isNaN(firstMs)) firstMs = performance.now() - startedAt
    }
    if (event.name !== 'PEER_RESPONSE' || isWrite || event.from.equals(node.peerId)) continue
    const own = depthOf.get(event.from.toString()) ?? 1
    depth = Math.max(depth, own)
    for (const { id } of event.closer)
      if (!depthOf.has(id.toString())) depthOf.set(id.toString(), own + 1)
  }
  return { asked, failed, depth, ms: performance.now() - startedAt, firstMs, providers }
}

function summary(walks: readonly Walk[]) {
  const of = (field: keyof Walk) => walks.map((each) => each[field])
  const found = of('firstMs').filter((ms) => !Number.isNaN(ms))
  return {
    walks: walks.length,
    asked: { mean: mean(of('asked')), p50: median(of('asked')), p99: percentile(of('asked'), 99) },
    failed: mean(of('failed')),
    depth: { mean: mean(of('depth')), most: Math.max(...of('depth')) },
    ms: { p50: Math.round(median(of('ms'))), p99: Math.round(percentile(of('ms'), 99)) },
    found: found.length / walks.length,
    firstMs: { p50: Math.round(median(found)), p99: Math.round(percentile(found, 99)) },
  }
}

function mean(values: readonly number[]): number {
  return Math.round((values.reduce((sum, x) => sum + x, 0) / values.length) * 1000) / 1000
}
