/**
 * What a submission would change, without making it: the fields, and how many allocations would be added,
 * removed and replaced. It does not say where new slots would go: their members decide that when asked, and
 * the state that the steward would choose by may be another by then.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  anything,
  boolean,
  list,
  literal,
  nullable,
  object,
  optional,
} from '../../protocol/base/schema.ts'
import { essenceOf } from '../../protocol/placement/essence.ts'
import { type JobSpec, jobSchema } from '../../protocol/placement/job.ts'
import type { JobView } from '../../protocol/view.ts'
import type { Backend } from './backend.ts'
import { checkBody } from './body.ts'
import { problemShape } from './problem.ts'
import { type Route, route, type Shape } from './route.ts'
import { anyText, whole } from './shapes.ts'
import { jobSpecShape, specOf } from './submit.ts'

const planShape: Shape = {
  name: 'Plan',
  schema: object({
    job: anyText,
    effect: literal('create', 'none', 'change'),
    /** The version that it would replace; null for a new job. */
    version: nullable(anyText),
    changes: list(
      object({ path: anyText, from: optional(anything()), to: optional(anything()) }),
      256,
    ),
    /** Whether running allocations are replaced because of what changes. */
    replaces: boolean(),
    allocations: object({ added: whole, removed: whole, replaced: whole, kept: whole }),
  }),
}

export interface Change {
  path: string
  from?: unknown
  to?: unknown
}

export function planRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/jobs/:id/plan',
      summary: 'What submitting this job would change; nothing is changed',
      body: jobSpecShape,
      answers: {
        200: { shape: planShape },
        400: { shape: problemShape },
        422: { shape: problemShape },
      },
      handle({ params, body }) {
        const spec = checkBody(jobSchema, specOf(params.id!, body))
        return planOf(spec, backend.view().job(spec.id))
      },
    }),
  ]
}

export function planOf(spec: JobSpec, job: JobView | undefined) {
  if (job === undefined) {
    const allocations = { added: wanted(spec), removed: 0, replaced: 0, kept: 0 }
    const plan = { job: spec.id, version: null, changes: [], replaces: false, allocations }
    return { ...plan, effect: 'create' as const }
  }
  const current = { ...job.spec, count: job.spec.type === 'system' ? job.spec.count : job.count }
  const changes = differences(current, spec, '').slice(0, changesMax)
  const replaces = essenceOf(job.spec) !== essenceOf(spec)
  return {
    job: spec.id,
    effect: changes.length === 0 ? ('none' as const) : ('change' as const),
    version: job.version,
    changes,
    replaces,
    allocations: counted(spec, job, replaces),
  }
}

/** A system job's count follows from its nodes. */
function wanted(spec: JobSpec): number {
  return spec.type === 'system' ? 0 : spec.count
}

function counted(spec: JobSpec, job: JobView, replaces: boolean) {
  const target = spec.type === 'system' ? job.live : wanted(spec)
  const stay = Math.min(job.live, target)
  const done = replaces ? 0 : job.complete
  return {
    added: Math.max(0, target - job.live - done),
    removed: job.live - stay,
    replaced: replaces ? stay : 0,
    kept: replaces ? 0 : stay,
  }
}

const changesMax = 256

/** Fields that differ, each as deep as the two still have the same kind of value. */
export function differences(from: unknown, to: unknown, path: string): Change[] {
  if (isDeepStrictEqual(from, to)) return []
  if (Array.isArray(from) && Array.isArray(to)) {
    const at = [...Array(Math.max(from.length, to.length)).keys()]
    return at.flatMap((i) => differences(from[i], to[i], `${path}[${i}]`))
  }
  if (isObject(from) && isObject(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])]
    const prefix = path === '' ? '' : `${path}.`
    return names.flatMap((name) => differences(from[name], to[name], prefix + name))
  }
  return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }]
}

function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
