/**
 * The view: what this member can tell of the whole cluster, computed when asked from what it holds. Nothing is
 * kept here, so nothing can be stale.
 */
import { compareText, type JobId, type MemberId, type Millis } from './base/id.ts'
import { serviceViews } from './discovery/endpoint.ts'
import { isPresent } from './membership/member.ts'
import type { Membership } from './membership/membership.ts'
import { isMeantFor } from './placement/admission.ts'
import type { AllocationBody } from './placement/allocation.ts'
import { isEnded, isLive } from './placement/allocation.ts'
import {
  type Inventory,
  type Job,
  jobRevision,
  jobVersion,
  type Placed,
} from './placement/inventory.ts'
import type { JobBody } from './placement/job.ts'
import type { Placement } from './placement/placement.ts'
import { noResources } from './placement/resources.ts'
import { dotName, type ReplicaRecord } from './replication/record.ts'
import type { Replica } from './replication/replica.ts'
import type {
  AllocationView,
  ClusterView,
  EndpointView,
  HistoryEntry,
  JobView,
  NodeView,
} from './view.ts'

/** A stamp's milliseconds are its upper part. */
const stampsPerMs = 4096

interface Sources {
  readonly self: MemberId
  readonly membership: Membership
  readonly replica: Replica
  readonly placement: Placement
  readonly rejections: ReadonlyMap<string, number>
  readonly now: () => Millis
}

export function createView(sources: Sources): ClusterView {
  const { self, membership, replica, placement } = sources
  const { inventory } = placement
  const nodeView = (member: MemberId) => viewNode(member, sources)
  const isLost = lossOf(sources)
  const allocationView = (placed: Placed) => viewAllocation(placed, isLost)
  return {
    self,
    digest: () => replica.root(),
    records: () => replica.records(),
    nodes: () => sortNodes(membership.census.known().map(nodeView)),
    node: (member) => (membership.stateOf(member) === undefined ? undefined : nodeView(member)),
    memberState: (member) => membership.stateOf(member),
    addressesOf: (member) => inventory.node(member)?.addresses ?? [],
    jobs: () => inventory.jobIds().map((id) => viewJob(inventory.job(id)!, sources)),
    job: (id) => {
      const job = inventory.job(id)
      return job && viewJob(job, sources)
    },
    history: (id) => viewHistory(id, replica),
    why: (id) => placement.steward.why(id, sources.now()),
    allocations: (filter = {}) => selectAllocations(inventory, filter).map(allocationView),
    allocation: (id) => {
      const placed = inventory.allocation(id)
      return placed && allocationView(placed)
    },
    services: () => serviceViews(allEndpoints(inventory, isLost)),
    service: (name) =>
      serviceViews(allEndpoints(inventory, isLost)).find((each) => each.name === name),
    counts: () => ({
      members: membership.census.counts(),
      ...replica.size(),
      jobs: inventory.jobIds().length,
      rejections: Object.fromEntries([...sources.rejections].sort(([a], [b]) => compareText(a, b))),
      storageFailed: replica.storageFailed,
    }),
  }
}

function viewNode(member: MemberId, { membership, placement }: Sources): NodeView {
  const { inventory } = placement
  return {
    id: member,
    state: membership.stateOf(member) ?? 'down',
    incarnation: membership.incarnationOf(member) ?? 0,
    draining: inventory.isDraining(member),
    body: inventory.node(member),
    committed: inventory.committed(member),
    used: placement.availability.get(member)?.used ?? noResources,
    linked: membership.links.has(member),
  }
}

function sortNodes(nodes: NodeView[]): NodeView[] {
  const name = (node: NodeView) => node.body?.name ?? ''
  return nodes.sort((a, b) => compareText(name(a), name(b)) || compareText(a.id, b.id))
}

type IsLost = (placed: Placed) => boolean

function viewAllocation(placed: Placed, isLost: IsLost): AllocationView {
  const { member, body } = placed
  return { member, state: isLost(placed) ? 'lost' : body.state, body }
}

/** One whose agent went and left its tasks running is not lost before the agent should be back. */
function lossOf({ membership, placement, now }: Sources): IsLost {
  return ({ member, body }) => {
    const state = membership.stateOf(member)
    if (isEnded(body.state) || (state !== undefined && isPresent(state))) return false
    return (placement.inventory.node(member)?.awayUntil ?? 0) <= now()
  }
}

function selectAllocations(
  inventory: Inventory,
  filter: { job?: JobId; member?: MemberId },
): readonly Placed[] {
  if (filter.job !== undefined) {
    const placed = inventory.allocationsOf(filter.job)
    return filter.member === undefined
      ? placed
      : placed.filter((each) => each.member === filter.member)
  }
  if (filter.member !== undefined) return inventory.allocationsOn(filter.member)
  return inventory.placedJobIds().flatMap((job) => inventory.allocationsOf(job))
}

function viewJob(job: Job, sources: Sources): JobView {
  const isSystem = job.spec.type === 'system'
  const isLost = lossOf(sources)
  const present = sources.placement.inventory
    .allocationsOf(job.id)
    .filter((placed) => !isLost(placed))
  // A system job has the same slot on each of its nodes.
  const slots = (keep: (body: AllocationBody) => boolean) =>
    new Set(
      present
        .filter(({ body }) => keep(body))
        .map(({ member, body }) => (isSystem ? member : body.slot)),
    ).size
  const live = slots((body) => isLive(body.state))
  const running = slots((body) => body.state === 'running')
  const healthy = slots((body) => body.state === 'running' && body.healthy)
  const complete = job.spec.type === 'batch' ? slots((body) => body.state === 'complete') : 0
  const count = isSystem ? Math.max(live, nodesOf(job, sources)) : job.count
  const counted = {
    live,
    running,
    healthy,
    complete,
    waiting: Math.max(0, count - live - complete),
  }
  return {
    id: job.id,
    version: job.version,
    revision: jobRevision(job.version, sources.replica.get(`job/${job.id}/count`)),
    count,
    spec: job.spec,
    ...counted,
    state: jobState(job, count, counted),
  }
}

/** The nodes that a system job is for now. */
function nodesOf({ count, spec }: Job, { membership, placement, now }: Sources): number {
  if (count === 0) return 0
  const { inventory } = placement
  return membership.census.present().filter((member) => {
    const node = inventory.node(member)
    if (node === undefined || inventory.isDraining(member)) return false
    return isMeantFor(spec, member, node, now())
  }).length
}

function jobState(
  job: Job,
  count: number,
  { healthy, complete, running }: Pick<JobView, 'healthy' | 'complete' | 'running'>,
): JobView['state'] {
  if (job.spec.type === 'batch' && count > 0 && complete >= count) return 'complete'
  if (healthy + complete >= count) return 'running'
  return running + complete === 0 ? 'pending' : 'degraded'
}

function viewHistory(id: JobId, replica: Replica): HistoryEntry[] {
  const entries = [
    ...keyHistory('spec', replica.versions(`job/${id}/spec`)),
    ...keyHistory('count', replica.versions(`job/${id}/count`)),
  ]
  return entries.sort((a, b) => b.stamp - a.stamp || compareText(a.author, b.author))
}

/** A write that a later one saw was replaced; one that nobody saw lost to a concurrent write. */
function keyHistory(
  field: HistoryEntry['field'],
  versions: readonly ReplicaRecord[],
): HistoryEntry[] {
  const seen = new Set(
    versions.flatMap(({ replaces }) => (replaces === null ? [] : [dotName(replaces)])),
  )
  return versions.map((record, i) => ({
    field,
    version: recordVersion(field, record),
    author: record.author,
    stamp: record.stamp,
    at: Math.floor(record.stamp / stampsPerMs),
    outcome: i === 0 ? 'current' : seen.has(dotName(record)) ? 'replaced' : 'lost',
    value: bodyOf(field, record),
  }))
}

function recordVersion(field: HistoryEntry['field'], record: ReplicaRecord): string {
  const body = record.body as JobBody | null
  const generation = field === 'spec' ? (body?.generation ?? 0) : 0
  return jobVersion(generation, record.author, record.counter)
}

function bodyOf(field: HistoryEntry['field'], record: ReplicaRecord): unknown {
  if (record.body === null) return null
  const body = record.body as unknown as { spec?: unknown; count?: unknown }
  return field === 'spec' ? body.spec : body.count
}

type NamedEndpoint = EndpointView & { service: string }

function allEndpoints(inventory: Inventory, isLost: IsLost): NamedEndpoint[] {
  return inventory.jobIds().flatMap((id) => {
    const job = inventory.job(id)!
    if (job.spec.services.length === 0) return []
    return inventory
      .allocationsOf(id)
      .filter((placed) => placed.body.state === 'running' && !isLost(placed))
      .flatMap((placed) => endpointsOf(job, placed, inventory))
  })
}

function endpointsOf(job: Job, { member, body }: Placed, inventory: Inventory): NamedEndpoint[] {
  const host = inventory.node(member)?.host
  return job.spec.services.flatMap(({ name, port, tags }) => {
    const number = body.ports[port]
    if (host === undefined || number === undefined) return []
    const { id, healthy } = body
    return [
      { service: name, allocation: id, job: job.id, member, host, port: number, healthy, tags },
    ]
  })
}
