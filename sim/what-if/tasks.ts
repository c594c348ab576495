/** The tasks that ran on each machine when the snapshot was taken, as its runtime has to have them. */
import type { JobId } from '../../protocol/base/id.ts'
import type { Value } from '../../protocol/base/value.ts'
import type { AllocationBody, TaskStatus } from '../../protocol/placement/allocation.ts'
import { isEnded } from '../../protocol/placement/allocation.ts'
import { jobVersion } from '../../protocol/placement/inventory.ts'
import type { JobSpec, TaskSpec } from '../../protocol/placement/job.ts'
import { parseAllocation, parseJobBody } from '../../protocol/placement/parse.ts'
import { noResources } from '../../protocol/placement/resources.ts'
import type { Snapshot, SnapshotRecord } from '../../protocol/snapshot.ts'
import type { Host } from '../host.ts'

export function restoreTasks(hosts: readonly Host[], { at, records }: Snapshot): void {
  const byId = new Map(hosts.map((host) => [host.id, host]))
  const specs = specsOf(records)
  for (const { key, author, body } of records) {
    const host = byId.get(author)
    const allocation = key.startsWith('alloc/') ? parseAllocation(body as Value) : undefined
    if (host === undefined || allocation === undefined || isEnded(allocation.state)) continue
    const versions = specs.get(allocation.job)
    const spec = versions?.get(allocation.version) ?? versions?.values().next().value
    for (const status of allocation.tasks)
      if (status.state === 'running') restore(host, allocation, status, spec, at)
  }
}

function restore(
  host: Host,
  { id: allocation, job, slot, ports, resources }: AllocationBody,
  { name, startedAt, pid, containerId }: TaskStatus,
  spec: JobSpec | undefined,
  at: number,
): void {
  const task = spec?.tasks.find((each) => each.name === name) ?? forgottenTask(name, resources)
  const ranUs = Math.max(0, at - (startedAt ?? at)) * 1000
  host.runtime.restore({ allocation, job, slot, task, ports }, { pid, containerId, ranUs })
}

/** Newest first, by version. */
function specsOf(records: readonly SnapshotRecord[]): Map<JobId, Map<string, JobSpec>> {
  const specs = new Map<JobId, Map<string, JobSpec>>()
  for (const { key, author, counter, body } of records) {
    const [kind, job = '', rest] = key.split('/')
    const parsed = kind === 'job' && rest === 'spec' ? parseJobBody(body as Value) : undefined
    if (parsed === undefined) continue
    const versions = specs.get(job) ?? new Map<string, JobSpec>()
    specs.set(job, versions.set(jobVersion(parsed.generation, author, counter), parsed.spec))
  }
  return specs
}

/** Of a job that has been deleted, or that was changed so often that nobody kept what it was. */
function forgottenTask(name: string, resources: TaskSpec['resources'] = noResources): TaskSpec {
  return {
    name,
    process: { command: ['forgotten'] },
    env: {},
    resources,
    ports: [],
    checks: [],
    stopGrace: '10s',
  }
}
