/**
 * Two replicas of many records that differ in a few: bytes of the product's own messages until they are equal,
 * by its codec, without the records that had to be sent; and what two equal replicas say to each other.
 */
import { encodeCanonical } from '../../protocol/base/bytes.ts'
import type { Value } from '../../protocol/base/value.ts'
import { encodeMessage } from '../../protocol/codec.ts'
import type { Message } from '../../protocol/message.ts'
import type { ReplicaRecord } from '../../protocol/replication/record.ts'
import type { Replica } from '../../protocol/replication/replica.ts'
import { Cluster, noSeal } from '../../test/protocol/replication/kit.ts'
import { atMost, type Figure } from './figure.ts'

const author = '12D3KooWRepairRepairRepairRepairRepairRepairRepairRep'
const withinMs = 60_000

export function benchAntiEntropy(records: number): Figure[] {
  return [differing(records, 10), differing(records, 1000), equal()]
}

function differing(count: number, differences: number): Figure {
  const cluster = new Cluster({ members: ['m1', 'm2'], seal: () => noSeal, measured: true })
  cluster.cut('m1', 'm2')
  const all = recordsOf(count)
  // Half of the differences is missing here, half there.
  const every = Math.floor((2 * count) / differences)
  fill(
    cluster.replica('m1'),
    all.filter((_, i) => i % every !== 7),
    cluster.now,
  )
  fill(
    cluster.replica('m2'),
    all.filter((_, i) => i % every !== 9),
    cluster.now,
  )
  cluster.heal('m1', 'm2')
  const tookMs = cluster.until(() => cluster.areEqual(), withinMs)
  const messages = Object.values(cluster.counts).reduce((sum, each) => sum + each, 0)
  const figure = {
    name: `anti-entropy, ${count} records, ${differences} differ`,
    value: tookMs === undefined ? Number.NaN : (cluster.bytes - cluster.recordBytes) / 1000,
    unit: 'kB',
    note: `${messages} messages, ${(cluster.recordBytes / 1000).toFixed(1)} kB of records beside`,
  }
  return differences === 10 ? atMost(5, figure) : figure
}

/** Equal replicas send no message of their own: the root rides on the exchange, and this is what it adds. */
function equal(): Figure {
  const root = 'e74c68b04578ff72'
  const exchange = { root, clock: 6e15, availability: [] }
  const ack: Message = { type: 'ack', sequence: 1, incarnation: 1, updates: [], exchange }
  const { root: _, ...without } = exchange
  const bare = encodeCanonical({ ...ack, exchange: without } as unknown as Value)
  return atMost(16, {
    name: 'anti-entropy, equal replicas',
    value: encodeMessage(ack).length - bare.length,
    unit: 'B',
    note: 'the root hash and its name in each exchange; no message of its own',
  })
}

function recordsOf(count: number): ReplicaRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    author,
    counter: 2 ** 32 + i,
    key: `job/job-${i}/spec`,
    stamp: 6e15 + i,
    replaces: null,
    body: { count: i },
    signature: new Uint8Array(64),
  }))
}

function fill(replica: Replica, records: readonly ReplicaRecord[], now: number): void {
  replica.joinRecords(author, records, now)
}
