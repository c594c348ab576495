/** The spec of the version that an allocation runs, which an edit may have replaced since. */
import type { JobId } from '../base/id.ts'
import { type Inventory, isCurrent, jobVersion } from './inventory.ts'
import type { JobSpec } from './job.ts'
import { parseJobBody } from './parse.ts'
import type { World } from './world.ts'

/** Undefined when nobody kept it: what runs of it can be watched and stopped, but not started again. */
export function specOfVersion(
  id: JobId,
  version: string,
  known: { readonly world: World; readonly inventory: Inventory },
): JobSpec | undefined {
  const job = known.inventory.job(id)
  if (job !== undefined && isCurrent(job, version)) return job.spec
  for (const written of known.world.versions?.(`job/${id}/spec`) ?? []) {
    const body = parseJobBody(written.body)
    if (body === undefined) continue
    if (jobVersion(body.generation, written.author, written.counter) === version) return body.spec
  }
  return undefined
}
