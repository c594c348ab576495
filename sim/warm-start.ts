/**
 * A cluster that is warm at once: all agents run, and each knows every member, every node's record and what every
 * node has free, as after a boot that has settled. Booting 10,000 agents takes 10,000 × 10,000 records; here one
 * core, which runs nowhere, reads the journal of such a boot the ordinary way, and the others begin with what it
 * knows. Each disk holds the same journal beneath what its agent writes from now on. Nothing is written or
 * announced again: the journals lack only the line that counts starts, so all have the incarnation that the
 * others know.
 *
 * Links are opened the ordinary way, and everyone greets everyone it is linked to: that takes the first second or
 * two. Not as after a boot: nobody remembers who told it what, so availability known from the start is told to no
 * one who comes later; its changes are.
 */
import type { Value } from '../protocol/base/value.ts'
import { type Core, createCore } from '../protocol/core.ts'
import type { Persist, StoreWrite } from '../protocol/effect.ts'
import { limits } from '../protocol/limits.ts'
import { memberWrite } from '../protocol/member-journal.ts'
import type { Message } from '../protocol/message.ts'
import type { Availability } from '../protocol/placement/availability.ts'
import { noResources } from '../protocol/placement/resources.ts'
import { storeKey } from '../protocol/replication/journal.ts'
import type { ReplicaRecord } from '../protocol/replication/record.ts'
import { signRecord } from '../protocol/replication/signature.ts'
import type { Host } from './host.ts'
import { toySeal } from './seal.ts'
import { epochMs, type Simulator } from './simulator.ts'

/** All are in their first life. */
const incarnation = 1
const firstCounter = incarnation * 2 ** 32 + 1
/** What they know was written this long before the start. */
const ageMs = 60_000
const stampsPerMs = 4096

/** `cell`: of so many, one after the other, each knows only the others of its cell; left out, all are one. */
export function startWarm(simulator: Simulator, cell = simulator.hosts.length): void {
  for (let first = 0; first < simulator.hosts.length; first += cell)
    startTogether(simulator.hosts.slice(first, first + cell))
}

function startTogether(hosts: readonly Host[]): void {
  const writes = hosts.flatMap(writesOf)
  const template = coreOf(hosts, writes)
  const base = new Map(writes.map(({ key, value }) => [key, value]))
  for (const host of hosts) {
    host.disk.restore(base)
    host.start([], template)
  }
}

function writesOf(host: Host): StoreWrite[] {
  const record = recordOf(host)
  return [
    memberWrite({ member: host.id, incarnation, state: 'alive' }),
    { key: storeKey(record), value: record as unknown as Value },
  ]
}

function recordOf(host: Host): ReplicaRecord {
  const { id, index } = host
  const stamp = (epochMs - ageMs) * stampsPerMs + index
  const body = { ...host.node } as unknown as Value
  const fields = {
    author: id,
    counter: firstCounter,
    key: `node/${id}`,
    stamp,
    replaces: null,
    body,
  }
  return signRecord(fields, toySeal(id))
}

/** The core that has read it all. */
function coreOf(hosts: readonly Host[], writes: readonly StoreWrite[]): Core {
  const [first, teller] = hosts
  const core = createCore(first!.coreInit(writes))
  const now = epochMs - ageMs / 2
  const [persist] = core.step({ type: 'tick' }, now) as [Persist]
  core.step({ type: 'persisted', id: persist.id }, now)
  if (teller === undefined) return core
  const entries = hosts.map(availabilityOf)
  for (let i = 0; i < entries.length; i += limits.availabilityPerExchange) {
    const availability = entries.slice(i, i + limits.availabilityPerExchange)
    const exchange = { root: core.view().digest(), clock: now * stampsPerMs, availability }
    const message: Message = { type: 'ack', sequence: 0, incarnation, updates: [], exchange }
    core.step({ type: 'message-received', from: teller.id, message }, now)
  }
  return core
}

function availabilityOf({ id, capacity }: Host): Availability {
  const counter = (epochMs - ageMs) * stampsPerMs
  return { member: id, counter, capacity, committed: noResources, used: noResources }
}
