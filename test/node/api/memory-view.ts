/** What can be read of the cluster in memory. */
import { compareText, type MemberId } from '../../../protocol/base/id.ts'
import type { Value } from '../../../protocol/base/value.ts'
import type { ReplicaRecord } from '../../../protocol/replication/record.ts'
import type { ClusterView, JobView, NodeView, ServiceView } from '../../../protocol/view.ts'
import type { MemoryCluster } from './memory-cluster.ts'

export function createMemoryView(cluster: MemoryCluster, self: MemberId): ClusterView {
  const node = (member: MemberId) => cluster.nodes.find((each) => each.id === member)
  const job = (id: string) => (cluster.jobs.has(id) ? viewJob(cluster, id) : undefined)
  const services = () => viewServices(cluster)
  return {
    self,
    digest: () => '0123456789abcdef',
    records: () => recordsOf(cluster),
    nodes: () => cluster.nodes,
    node,
    memberState: (member) => node(member)?.state,
    addressesOf: () => [],
    jobs: () => [...cluster.jobs.keys()].sort(compareText).map((id) => viewJob(cluster, id)),
    job,
    history: (id) => cluster.history.get(id) ?? [],
    why: (id) => job(id) && viewWhy(cluster, id),
    allocations: (filter = {}) =>
      [...cluster.allocations.values()]
        .filter(({ body }) => filter.job === undefined || body.job === filter.job)
        .filter(({ member }) => filter.member === undefined || member === filter.member)
        .sort(
          (a, b) =>
            compareText(a.body.job, b.body.job) ||
            a.body.slot - b.body.slot ||
            a.body.createdStamp - b.body.createdStamp,
        ),
    allocation: (id) => cluster.allocations.get(id),
    services,
    service: (name) => services().find((each) => each.name === name),
    counts: () => ({
      members: { alive: cluster.nodes.length, suspect: 0, down: 0, left: 0 },
      records: 2 * cluster.jobs.size + cluster.allocations.size,
      tombstones: 0,
      jobs: cluster.jobs.size,
      rejections: { malformed: 1 },
      storageFailed: false,
    }),
  }
}

function recordsOf({ jobs, nodes }: MemoryCluster): ReplicaRecord[] {
  const [{ id: author }] = nodes as [NodeView]
  const written = { author, counter: 1, stamp: 1, replaces: null, signature: new Uint8Array(64) }
  const record = (key: string, body: object) => ({ ...written, key, body: body as Value })
  return [
    ...[...jobs].map(([id, { spec, generation }]) =>
      record(`job/${id}/spec`, { generation, born: 1, spec }),
    ),
    ...nodes.map(({ id, body }) => record(`node/${id}`, body!)),
  ]
}

function viewJob(cluster: MemoryCluster, id: string): JobView {
  const { spec, count } = cluster.jobs.get(id)!
  const live = cluster.liveOf(id).length
  const state = live === count ? 'running' : 'pending'
  const counts = { live, running: live, healthy: live, waiting: count - live, complete: 0 }
  const version = cluster.versionOf(id)!
  return { id, version, revision: `${version}+${count}`, count, spec, ...counts, state }
}

function viewWhy(cluster: MemoryCluster, id: string) {
  const candidates = cluster.nodes.map(({ id: member, draining }) => ({
    member,
    score: draining ? undefined : 12,
    refusal: draining ? 'draining' : undefined,
  }))
  const slots = cluster.liveOf(id).map(({ member, body }) => ({
    slot: body.slot,
    member,
    state: 'placed' as const,
    candidates,
  }))
  const waiting = { slot: 99, member: undefined, state: 'waiting' as const, candidates }
  return { job: id, steward: cluster.nodes[0]!.id, note: undefined, slots: [...slots, waiting] }
}

function viewServices(cluster: MemoryCluster): ServiceView[] {
  const names = new Map<string, ServiceView>()
  for (const { spec } of cluster.jobs.values())
    for (const { name, port, tags } of spec.services) {
      const endpoints = cluster.liveOf(spec.id).map(({ member, body }) => ({
        allocation: body.id,
        job: spec.id,
        member,
        host: '127.0.0.1',
        port: body.ports[port]!,
        healthy: body.healthy,
        tags,
      }))
      names.set(name, { name, endpoints })
    }
  return [...names.values()].sort((a, b) => compareText(a.name, b.name))
}
