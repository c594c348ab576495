/**
 * The members of a snapshot, made again: the same ids, so the same rings; the same records with the same versions;
 * and on each machine the tasks that ran there. All agents start at once, as after an upgrade of the whole cluster
 * in no time, and adopt what they find. Their clocks stand at the moment of the snapshot.
 */
import type { MemberId } from '../../protocol/base/id.ts'
import type { Value } from '../../protocol/base/value.ts'
import type { StoreWrite } from '../../protocol/effect.ts'
import { epochWrite } from '../../protocol/epoch.ts'
import { memberWrite } from '../../protocol/member-journal.ts'
import { isEnded } from '../../protocol/placement/allocation.ts'
import type { NodeBody } from '../../protocol/placement/node-body.ts'
import { parseAllocation, parseNode } from '../../protocol/placement/parse.ts'
import { add, noResources, type Resources } from '../../protocol/placement/resources.ts'
import { recordWrite } from '../../protocol/replication/journal.ts'
import { signRecord } from '../../protocol/replication/signature.ts'
import { type Snapshot, type SnapshotRecord, startsOf } from '../../protocol/snapshot.ts'
import { FileProblem } from '../file-problem.ts'
import type { FlightRecorder } from '../flight-recorder.ts'
import type { Host } from '../host.ts'
import { coreThatRead } from '../knowledge.ts'
import { toySeal } from '../seal.ts'
import { Simulator, type SimulatorOptions } from '../simulator.ts'
import { restoreTasks } from './tasks.ts'

/** How slow the network is at most, in turn: which of two stewards is first is not to hang on one guess of it. */
const latenciesMaxUs = [5000, 1000, 20_000, 50_000]

export interface StageOptions {
  readonly file: string
  readonly seed: number
  readonly recorders?: ReadonlyMap<number, FlightRecorder> | undefined
  /** Left out, one that is as slow as the seed says. */
  readonly network?: SimulatorOptions['network']
}

export function stageOf(
  snapshot: Snapshot,
  { file, seed, recorders = new Map(), network }: StageOptions,
): Simulator {
  const simulator = new Simulator({
    seed,
    members: 0,
    config: snapshot.config,
    epochMs: snapshot.at,
    network: network ?? { latencyMaxUs: latenciesMaxUs[seed % latenciesMaxUs.length]! },
  })
  for (const [host, recorder] of recorders) simulator.recorders.set(host, recorder)
  const starts = startsOf(snapshot)
  const bodies = nodeBodies(snapshot.records)
  for (const { id } of snapshot.nodes) {
    const node = bodies.get(id) ?? unknownNode(id)
    makeReliable(simulator.addHost({ id, node, starts: starts.get(id) ?? 0 }))
  }
  const present = presentHosts(simulator, snapshot)
  const first = present.find(({ id }) => bodies.has(id))
  if (first === undefined) throw new FileProblem(file, 'no node of it is alive and known')
  startAll(simulator, present, first, { snapshot, starts })
  return simulator
}

/** What happens by chance, a start that fails for instance, is no prediction. */
export function makeReliable(host: Host): void {
  host.runtime.failedPpm = 0
}

function presentHosts({ byId }: Simulator, { nodes }: Snapshot): Host[] {
  const present = nodes.filter(({ state }) => state === 'alive' || state === 'suspect')
  return present.map(({ id }) => byId.get(id)!)
}

interface Lives {
  readonly snapshot: Snapshot
  readonly starts: ReadonlyMap<MemberId, number>
}

function startAll(
  { epochMs }: Simulator,
  present: readonly Host[],
  first: Host,
  { snapshot, starts }: Lives,
): void {
  const { records } = snapshot
  const writes = [...memberWrites(present, { snapshot, starts }), ...records.map(writeOf)]
  const teller = present.find((host) => host !== first)
  const init = first.coreInit([...writes, epochWrite(starts.get(first.id) ?? 0)])
  const template = coreThatRead(init, epochMs, {
    from: teller?.id,
    incarnation: (starts.get(teller?.id ?? '') ?? 0) + 1,
    availability: availabilityOf(present, snapshot),
  })
  restoreTasks(present, snapshot)
  const base = new Map(writes.map(({ key, value }) => [key, value]))
  for (const host of present) {
    host.disk.restore(base)
    host.start([], template)
  }
}

/** Those who are there begin another life, and everyone knows it. */
function memberWrites(present: readonly Host[], { snapshot, starts }: Lives): StoreWrite[] {
  const here = new Set(present.map(({ id }) => id))
  return snapshot.nodes.map(({ id, incarnation, state }) =>
    here.has(id)
      ? memberWrite({ member: id, incarnation: (starts.get(id) ?? 0) + 1, state: 'alive' })
      : memberWrite({ member: id, incarnation, state }),
  )
}

function writeOf(record: SnapshotRecord): StoreWrite {
  const { key, author, counter, stamp, replaces, body } = record
  const fields = { key, author, counter, stamp, replaces, body: body as Value }
  const signed = signRecord(fields, toySeal(author))
  return recordWrite(signed)
}

function availabilityOf(present: readonly Host[], { at, records }: Snapshot) {
  const committed = new Map<MemberId, Resources>()
  for (const { author, body } of newestOf(records, 'alloc/')) {
    const allocation = parseAllocation(body as Value)
    if (allocation === undefined || isEnded(allocation.state)) continue
    committed.set(author, add(committed.get(author) ?? noResources, allocation.resources))
  }
  return present.map(({ id, capacity }) => ({
    member: id,
    counter: at,
    capacity,
    committed: committed.get(id) ?? noResources,
    used: noResources,
  }))
}

/** By whose they are. */
export function nodeBodies(records: readonly SnapshotRecord[]): Map<MemberId, NodeBody> {
  const bodies = new Map<MemberId, NodeBody>()
  for (const { author, body } of newestOf(records, 'node/')) {
    const node = parseNode(body as Value)
    if (node !== undefined) bodies.set(author, node)
  }
  return bodies
}

/** Of owned keys, which have one version and whose author is their owner. */
function newestOf(records: readonly SnapshotRecord[], prefix: string): SnapshotRecord[] {
  return records.filter(({ key, body }) => key.startsWith(prefix) && body !== null)
}

/** Its record had not arrived where the snapshot was taken: nothing can be placed on it. */
function unknownNode(id: MemberId): NodeBody {
  return {
    name: id,
    addresses: [],
    labels: {},
    capacity: noResources,
    runtimes: [],
    host: '',
    version: '',
    awayUntil: null,
  }
}
