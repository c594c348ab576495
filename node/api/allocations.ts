/** Allocations: one slot of a job on one node. Every agent knows them all; their logs only their own node has. */
import {
  boolean,
  integer,
  list,
  literal,
  nullable,
  object,
  optional,
} from '../../protocol/base/schema.ts'
import type { TaskStatus } from '../../protocol/placement/allocation.ts'
import type { AllocationView, ClusterView } from '../../protocol/view.ts'
import type { Backend } from './backend.ts'
import { findAllocation, findNode, nodeNames } from './find.ts'
import { compareKeys, listOf, type Page, page } from './page.ts'
import { name, oneOf, paging } from './parameter.ts'
import { problemShape } from './problem.ts'
import { type Route, route, type Shape } from './route.ts'
import {
  anyText,
  memberId,
  resources,
  signed,
  toWritten,
  whole,
  wholeByName,
  writtenShape,
} from './shapes.ts'

const states = ['pending', 'starting', 'running', 'stopping', 'complete', 'failed', 'lost'] as const

const taskSchema = object({
  name: anyText,
  state: literal('pending', 'starting', 'running', 'backing-off', 'exited'),
  restarts: whole,
  startedAt: optional(whole),
  pid: optional(whole),
  containerId: optional(anyText),
  exitCode: optional(signed),
  reason: optional(anyText),
})

export const allocationShape: Shape = {
  name: 'Allocation',
  schema: object({
    id: anyText,
    job: anyText,
    slot: whole,
    node: anyText,
    nodeId: memberId,
    host: nullable(anyText),
    version: anyText,
    state: literal(...states),
    healthy: boolean(),
    resources,
    ports: wholeByName,
    tasks: list(taskSchema, 64),
    createdAt: whole,
    runningSince: optional(whole),
    failures: integer(0, 1_000_000),
    reason: optional(anyText),
  }),
}

/** Without the fields that are null: absent says the same. */
function toTask({ name: task, state, restarts, ...rest }: TaskStatus) {
  const { startedAt, pid, containerId, exitCode, reason } = rest
  return {
    name: task,
    state,
    ...(pid !== null && { pid }),
    ...(containerId !== null && { containerId }),
    ...(exitCode !== null && { exitCode }),
    restarts,
    ...(startedAt !== null && { startedAt }),
    ...(reason !== null && { reason }),
  }
}

/** A stamp's upper part is its milliseconds. */
const stampsPerMs = 4096

export function toAllocation(
  { member, state, body }: AllocationView,
  view: ClusterView,
  nameOf: (member: string) => string,
) {
  return {
    id: body.id,
    job: body.job,
    slot: body.slot,
    node: nameOf(member),
    nodeId: member,
    host: view.node(member)?.body?.host ?? null,
    version: body.version,
    state,
    healthy: body.healthy && state !== 'lost',
    resources: body.resources,
    ports: body.ports,
    tasks: body.tasks.map(toTask),
    createdAt: Math.floor(body.createdStamp / stampsPerMs),
    ...(body.runningSince !== null && { runningSince: body.runningSince }),
    failures: body.failures,
    ...(body.reason !== null && { reason: body.reason }),
  }
}

export const stateFilter = { state: oneOf([...states], 'Only allocations in this state.') }

interface AllocationFilter {
  readonly job?: string | undefined
  readonly node?: string | undefined
  readonly state: AllocationView['state'] | undefined
  readonly limit: number | undefined
  readonly cursor: string | undefined
}

export function presentAllocations(view: ClusterView, filter: AllocationFilter): Page<unknown> {
  const { job, node, state } = filter
  const all = view.allocations({
    ...(job !== undefined && { job }),
    ...(node !== undefined && { member: findNode(view, node).id }),
  })
  const ofState = state === undefined ? all : all.filter((each) => each.state === state)
  const selected = node === undefined ? ofState : ofState.toSorted(byKey)
  const nameOf = nodeNames(view)
  return page(selected, keyOf, filter, (each) => toAllocation(each, view, nameOf))
}

function keyOf({ member, body }: AllocationView): (string | number)[] {
  return [body.job, body.slot, body.createdStamp, body.id, member]
}

/** One node's are listed by the view in the order in which the node took them. */
function byKey(a: AllocationView, b: AllocationView): number {
  return compareKeys(keyOf(a), keyOf(b))
}

export function allocationRoutes(backend: Backend): Route[] {
  const notFound = { 404: { shape: problemShape } }
  return [
    route({
      method: 'GET',
      path: '/v1/allocations',
      summary: 'All allocations, by job and slot; ended ones while they are kept',
      query: {
        ...paging,
        ...stateFilter,
        job: name('Only those of this job.'),
        node: name('Only those on this node.'),
      },
      answers: { 200: { shape: listOf(allocationShape) } },
      handle: ({ query }) => presentAllocations(backend.view(), query),
    }),
    route({
      method: 'GET',
      path: '/v1/allocations/:id',
      summary: 'One allocation',
      answers: { 200: { shape: allocationShape }, ...notFound },
      handle({ params }) {
        const view = backend.view()
        return toAllocation(findAllocation(view, params.id!), view, nodeNames(view))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/allocations/:id/stop',
      summary: 'Stop one allocation; its slot is placed again',
      answers: { 200: { shape: writtenShape }, ...notFound },
      async handle({ params }) {
        const allocation = findAllocation(backend.view(), params.id!).body.id
        return toWritten(await backend.request({ type: 'stop-allocation', allocation }))
      },
    }),
  ]
}
