/** Reading jobs: what is wanted, how much of it runs, what it was before, and why it is where it is. */
import {
  anything,
  boolean,
  list,
  literal,
  nullable,
  object,
  optional,
} from '../../protocol/base/schema.ts'
import { jobSchema } from '../../protocol/placement/job.ts'
import type { ClusterView, HistoryEntry, JobView, WhyView } from '../../protocol/view.ts'
import { allocationShape, presentAllocations, stateFilter } from './allocations.ts'
import type { Backend } from './backend.ts'
import { findJob, findNode, nodeNames } from './find.ts'
import { listOf, page } from './page.ts'
import { name, oneOf, paging } from './parameter.ts'
import { problemShape, RequestProblem } from './problem.ts'
import { type Route, route, type Shape } from './route.ts'
import { anyText, measured, memberId, whole } from './shapes.ts'

export const jobShape: Shape = {
  name: 'Job',
  schema: object({
    id: anyText,
    type: literal('service', 'batch', 'system'),
    count: whole,
    version: anyText,
    state: literal('pending', 'running', 'complete', 'degraded'),
    live: whole,
    running: whole,
    healthy: whole,
    waiting: whole,
    complete: whole,
    spec: jobSchema,
  }),
}

/** The spec with the count that a scale has set: what is read, changed and put back does not undo it. */
export function toJob(job: JobView) {
  const { id, version, count, state, live, running, healthy, waiting, complete } = job
  const { type } = job.spec
  const spec = type === 'system' ? job.spec : { ...job.spec, count }
  return { id, type, count, version, state, live, running, healthy, waiting, complete, spec }
}

const historyShape: Shape = {
  name: 'JobChange',
  schema: object({
    field: literal('spec', 'count'),
    version: anyText,
    node: anyText,
    nodeId: memberId,
    at: whole,
    outcome: literal('current', 'replaced', 'lost'),
    deleted: boolean(),
    value: anything(),
  }),
}

function toChange(entry: HistoryEntry, nameOf: (member: string) => string) {
  const { field, version, author, at, outcome, value } = entry
  const node = nameOf(author)
  return { field, version, node, nodeId: author, at, outcome, deleted: value === null, value }
}

const whyShape: Shape = {
  name: 'Why',
  schema: object({
    job: anyText,
    steward: nullable(object({ node: anyText, nodeId: memberId })),
    /** Why a roll-out does not go on. */
    note: optional(anyText),
    slots: list(
      object({
        slot: whole,
        state: literal('placed', 'placing', 'waiting', 'complete', 'backing-off'),
        node: optional(anyText),
        nodeId: optional(memberId),
        /** How it failed, or why its node is waited for. */
        reason: optional(anyText),
        /** When it is tried again. */
        until: optional(whole),
        candidates: list(
          object({
            node: anyText,
            nodeId: memberId,
            score: optional(measured),
            refusal: optional(anyText),
          }),
          100_000,
        ),
      }),
      10_000,
    ),
  }),
}

export function toWhy({ job, steward, note, slots }: WhyView, nameOf: (member: string) => string) {
  return {
    job,
    steward: steward === undefined ? null : { node: nameOf(steward), nodeId: steward },
    ...(note !== undefined && { note }),
    slots: slots.map(({ slot, state, member, reason, until, candidates }) => ({
      slot,
      state,
      ...(member !== undefined && { node: nameOf(member), nodeId: member }),
      ...(reason !== undefined && { reason }),
      ...(until !== undefined && { until }),
      candidates: candidates.map(({ member: nodeId, score, refusal }) => ({
        node: nameOf(nodeId),
        nodeId,
        ...(score !== undefined && { score }),
        ...(refusal !== undefined && { refusal }),
      })),
    })),
  }
}

const jobStates = oneOf(['pending', 'running', 'complete', 'degraded'], 'Only jobs in this state.')
const jobTypes = oneOf(['service', 'batch', 'system'], 'Only jobs of this type.')

const notFound = { 404: { shape: problemShape } }

export function jobRoutes(backend: Backend): Route[] {
  return [...stateRoutes(backend), ...explainingRoutes(backend)]
}

function stateRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/jobs',
      summary: 'All jobs, by id',
      query: {
        ...paging,
        state: jobStates,
        type: jobTypes,
        node: name('Only jobs with work there.'),
      },
      answers: { 200: { shape: listOf(jobShape) } },
      handle({ query }) {
        const view = backend.view()
        return page(selectJobs(view, query), (job) => [job.id], query, toJob)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id',
      summary: 'One job; the ETag is its version with that of its count, for If-Match',
      answers: { 200: { shape: jobShape }, ...notFound },
      handle({ params, reply }) {
        const job = findJob(backend.view(), params.id!)
        reply.header('etag', `"${job.revision}"`)
        return toJob(job)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id/allocations',
      summary: "A job's allocations, by slot; ended ones while they are kept",
      query: { ...paging, ...stateFilter, node: name('Only those on this node.') },
      answers: { 200: { shape: listOf(allocationShape) }, ...notFound },
      handle({ params, query }) {
        const view = backend.view()
        const filter = { ...query, job: params.id! }
        const known = view.job(filter.job) !== undefined || view.allocations(filter).length > 0
        if (!known) throw new RequestProblem('not-found', `no job ${filter.job}`)
        return presentAllocations(view, filter)
      },
    }),
  ]
}

function explainingRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/jobs/:id/history',
      summary: 'The versions of a job that are kept, newest first, with those that lost',
      answers: { 200: { shape: listOf(historyShape) }, ...notFound },
      handle({ params }) {
        const view = backend.view()
        const entries = view.history(params.id!)
        if (entries.length === 0) throw new RequestProblem('not-found', `no job ${params.id}`)
        const nameOf = nodeNames(view)
        return { items: entries.map((entry) => toChange(entry, nameOf)) }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id/why',
      summary: 'Where each slot runs or what it waits for, with every candidate’s score or refusal',
      answers: { 200: { shape: whyShape }, ...notFound },
      handle({ params }) {
        const view = backend.view()
        const why = view.why(params.id!)
        if (why === undefined) throw new RequestProblem('not-found', `no job ${params.id}`)
        return toWhy(why, nodeNames(view))
      },
    }),
  ]
}

interface JobFilter {
  readonly state: JobView['state'] | undefined
  readonly type: JobView['spec']['type'] | undefined
  readonly node: string | undefined
}

function selectJobs(view: ClusterView, { state, type, node }: JobFilter): readonly JobView[] {
  const jobs = view.jobs()
  if (state === undefined && type === undefined && node === undefined) return jobs
  const there = node === undefined ? undefined : jobsOn(view, node)
  return jobs.filter(
    (job) =>
      (state === undefined || job.state === state) &&
      (type === undefined || job.spec.type === type) &&
      (there === undefined || there.has(job.id)),
  )
}

function jobsOn(view: ClusterView, node: string): Set<string> {
  const member = findNode(view, node).id
  return new Set(view.allocations({ member }).map((allocation) => allocation.body.job))
}
