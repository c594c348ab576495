/** The cluster at a glance, and what machines ask about this agent: is it up, is it ready, its figures. */
import { boolean, list, literal, object, optional } from '../../protocol/base/schema.ts'
import type { Backend } from './backend.ts'
import { nodeName } from './find.ts'
import { problemShape, RequestProblem } from './problem.ts'
import { type Route, route, type Shape } from './route.ts'
import { anyText, memberId, whole, wholeByName } from './shapes.ts'

const clusterShape: Shape = {
  name: 'Cluster',
  schema: object({
    /** The id and the name of the node that answers. */
    self: memberId,
    name: anyText,
    version: anyText,
    ready: boolean(),
    members: object({ alive: whole, suspect: whole, down: whole, left: whole }),
    digest: anyText,
    jobs: whole,
    records: whole,
    tombstones: whole,
    rejections: wholeByName,
    storageFailed: boolean(),
  }),
}

const healthShape: Shape = { name: 'Health', schema: object({ status: literal('ok') }) }

/** Degraded: it takes requests, and cannot run all that it should. */
const readinessShape: Shape = {
  name: 'Readiness',
  schema: object({
    status: literal('ok', 'degraded'),
    troubles: optional(list(anyText, 8)),
  }),
}

export function clusterRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/cluster',
      summary: 'Members by state, and the digest: equal on agents that agree',
      answers: { 200: { shape: clusterShape } },
      handle() {
        const view = backend.view()
        const { members, records, tombstones, jobs, rejections, storageFailed } = view.counts()
        return {
          self: backend.self,
          name: nodeName(view, backend.self),
          version: backend.version,
          ready: backend.ready(),
          members,
          digest: view.digest(),
          jobs,
          records,
          tombstones,
          rejections,
          storageFailed,
        }
      },
    }),
    route({
      method: 'GET',
      path: '/healthz',
      summary: 'Answers while the agent runs',
      answers: { 200: { shape: healthShape } },
      open: true,
      handle: () => ({ status: 'ok' }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      summary: 'Whether the agent has its state and takes requests',
      answers: { 200: { shape: readinessShape }, 503: { shape: problemShape } },
      open: true,
      handle() {
        if (!backend.ready())
          throw new RequestProblem('not-ready', 'the agent is starting or leaving')
        const troubles = backend.troubles()
        return troubles.length === 0 ? { status: 'ok' } : { status: 'degraded', troubles }
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      summary: 'Figures for Prometheus',
      answers: { 200: { mediaType: 'text/plain' } },
      handle({ reply }) {
        reply.type('text/plain; version=0.0.4; charset=utf-8')
        return backend.metrics()
      },
    }),
  ]
}
