/**
 * What a settled cluster knows: every member, every node's record and what every node has free, as a journal and as a
 * core that has read it.
 */
import { type MemberId, type Millis, numbersPerEpoch, stampsPerMs } from '../protocol/base/id.ts'
import type { Value } from '../protocol/base/value.ts'
import { type Core, type CoreInit, createCore } from '../protocol/core.ts'
import type { Persist, StoreWrite } from '../protocol/effect.ts'
import { limits } from '../protocol/limits.ts'
import { memberWrite } from '../protocol/member-journal.ts'
import type { Message } from '../protocol/message.ts'
import type { Availability } from '../protocol/placement/availability.ts'
import { noResources } from '../protocol/placement/resources.ts'
import { recordWrite } from '../protocol/replication/journal.ts'
import type { ReplicaRecord } from '../protocol/replication/record.ts'
import { signRecord } from '../protocol/replication/signature.ts'
import type { Host } from './host.ts'
import { toySeal } from './seal.ts'
import type { Simulator } from './simulator.ts'

export interface Knowledge {
  /** As a journal, and as a core that has read it. */
  readonly base: ReadonlyMap<string, Value>
  readonly template: Core
}

/** All are in their first life. */
export const warmIncarnation = 1
const firstCounter = warmIncarnation * numbersPerEpoch + 1
/** What they know was written this long before the start. */
const ageMs = 60_000

/** What all of these hosts know. */
export function knowledgeOf({ epochMs }: Simulator, hosts: readonly Host[]): Knowledge {
  const thenMs = epochMs - ageMs
  const writes = hosts.flatMap((host) => writesOf(host, thenMs))
  const init = hosts[0]!.coreInit(writes)
  const template = coreThatRead(init, thenMs + ageMs / 2, toldOf(hosts, thenMs))
  return { base: new Map(writes.map(({ key, value }) => [key, value])), template }
}

function writesOf(host: Host, thenMs: Millis): StoreWrite[] {
  const record = recordOf(host, thenMs)
  return [
    memberWrite({ member: host.id, incarnation: warmIncarnation, state: 'alive' }),
    recordWrite(record),
  ]
}

function recordOf(host: Host, thenMs: Millis): ReplicaRecord {
  const { id, index } = host
  const stamp = thenMs * stampsPerMs + index
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

function toldOf(hosts: readonly Host[], thenMs: Millis): Told {
  const counter = thenMs * stampsPerMs
  const availability = hosts.map(({ id, capacity }) => {
    return { member: id, counter, capacity, committed: noResources, used: noResources }
  })
  return { from: hosts[1]?.id, incarnation: warmIncarnation, availability }
}

interface Told {
  /** Undefined where there is nobody else. */
  readonly from: MemberId | undefined
  readonly incarnation: number
  readonly availability: readonly Availability[]
}

/** A core that runs nowhere: it has read the journal, and one member has told it what all have free. */
export function coreThatRead(init: CoreInit, now: Millis, told: Told): Core {
  const core = createCore(init)
  const [persist] = core.step({ type: 'tick' }, now) as [Persist]
  core.step({ type: 'persisted', id: persist.id }, now)
  const { from, incarnation, availability: all } = told
  if (from === undefined) return core
  for (let i = 0; i < all.length; i += limits.availabilityPerExchange) {
    const availability = all.slice(i, i + limits.availabilityPerExchange)
    const exchange = { root: core.view().digest(), clock: now * stampsPerMs, availability }
    const message: Message = { type: 'ack', sequence: 0, incarnation, updates: [], exchange }
    core.step({ type: 'message-received', from, message }, now)
  }
  return core
}
