/** Nodes: the machines, what they have and what is taken; and draining one before work on it. */
import {
  boolean,
  list,
  literal,
  object,
  optional,
  withDefault,
} from '../../protocol/base/schema.ts'
import { noResources } from '../../protocol/placement/resources.ts'
import type { NodeView } from '../../protocol/view.ts'
import type { Backend } from './backend.ts'
import { checkBody } from './body.ts'
import { findNode } from './find.ts'
import { listOf, page } from './page.ts'
import { copies, oneOf, paging } from './parameter.ts'
import { problemShape } from './problem.ts'
import { type Route, route, type Shape } from './route.ts'
import {
  anyText,
  memberId,
  resources,
  textByName,
  toWritten,
  whole,
  writtenShape,
} from './shapes.ts'

export const nodeShape: Shape = {
  name: 'Node',
  schema: object({
    id: memberId,
    name: anyText,
    state: literal('alive', 'suspect', 'down', 'left'),
    incarnation: whole,
    draining: boolean(),
    address: anyText,
    addresses: list(anyText, 64),
    labels: textByName,
    runtimes: list(literal('process', 'docker'), 2),
    /** Why a runtime that it should have does not answer. */
    troubles: list(anyText, 8),
    capacity: resources,
    committed: resources,
    used: resources,
    version: anyText,
    awayUntil: optional(whole),
  }),
}

/** What is not known yet is empty or zero: the node's record arrives a moment after the node. */
export function toNode({ id, state, incarnation, draining, body, committed, used }: NodeView) {
  return {
    id,
    name: body?.name ?? id,
    state,
    incarnation,
    draining,
    address: body?.host ?? '',
    addresses: body?.addresses ?? [],
    labels: body?.labels ?? {},
    runtimes: body?.runtimes ?? [],
    troubles: body?.troubles ?? [],
    capacity: body?.capacity ?? noResources,
    committed,
    used,
    version: body?.version ?? '',
    ...(body && body.awayUntil !== null && { awayUntil: body.awayUntil }),
  }
}

const nodeStates = oneOf(['alive', 'suspect', 'down', 'left'], 'Only nodes in this state.')
const drainSchema = object({ draining: withDefault(boolean(), true) })
const drainShape: Shape = { name: 'Drain', schema: drainSchema }

export function nodeRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/nodes',
      summary: 'All nodes, by name',
      query: { ...paging, state: nodeStates },
      answers: { 200: { shape: listOf(nodeShape) } },
      handle({ query }) {
        const all = backend.view().nodes()
        const { state } = query
        const selected = state === undefined ? all : all.filter((node) => node.state === state)
        return page(selected, (node) => [node.body?.name ?? '', node.id], query, toNode)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/nodes/:id',
      summary: 'One node, by its id, its name, or a part of the id that no other has',
      answers: { 200: { shape: nodeShape }, 404: { shape: problemShape } },
      handle: ({ params }) => toNode(findNode(backend.view(), params.id!)),
    }),
    route({
      method: 'POST',
      path: '/v1/nodes/:id/drain',
      summary: 'Move the work of a node elsewhere; `{"draining": false}` takes it back into use',
      query: copies,
      body: drainShape,
      bodyIsOptional: true,
      answers: { 200: { shape: writtenShape }, 404: { shape: problemShape } },
      async handle({ params, query, body }) {
        const member = findNode(backend.view(), params.id!).id
        const { draining } = checkBody(drainSchema, body ?? {})
        const command = { type: 'drain-node', member, draining, copies: query.w ?? null } as const
        return toWritten(await backend.request(command))
      },
    }),
  ]
}
