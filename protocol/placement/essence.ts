/**
 * What of a spec an allocation embodies: the type, the tasks and the constraints. An edit of anything else
 * (labels, services, the policies of restart and update) leaves the allocations where they are, because
 * their members read it from the job; so a roll-out compares essences, not versions.
 */
import { fingerprint } from '../base/hash.ts'
import { sortedEntries } from '../base/order.ts'
import type { JobSpec } from './job.ts'

const essences = new WeakMap<JobSpec, string>()

export function essenceOf(spec: JobSpec): string {
  let essence = essences.get(spec)
  if (essence === undefined) {
    const { type, tasks, constraints } = spec
    essence = fingerprint(canonicalText({ type, tasks, constraints }))
    essences.set(spec, essence)
  }
  return essence
}

/** JSON with sorted keys: the order in which a client wrote `env` makes no difference. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) =>
    typeof field !== 'object' || field === null || Array.isArray(field)
      ? field
      : Object.fromEntries(sortedEntries(new Map(Object.entries(field)))),
  )
}
