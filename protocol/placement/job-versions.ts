/** The spec that an allocation was started with, which an edit may have replaced since. */
import type { AllocationBody } from './allocation.ts'
import { type Inventory, isCurrent, jobVersion } from './inventory.ts'
import type { JobSpec } from './job.ts'
import { parseJobBody } from './parse.ts'
import type { World } from './world.ts'

/** Undefined when nobody kept it: what runs of it can be watched and stopped, but not started again. */
export function specOf(
  body: AllocationBody,
  known: { readonly world: World; readonly inventory: Inventory },
): JobSpec | undefined {
  const job = known.inventory.job(body.job)
  if (job !== undefined && isCurrent(job, body)) return job.spec
  for (const written of known.world.versions?.(`job/${body.job}/spec`) ?? []) {
    const kept = parseJobBody(written.body)
    if (kept === undefined) continue
    const version = jobVersion(kept.generation, written.author, written.counter)
    if (version === body.version) return kept.spec
  }
  return undefined
}
