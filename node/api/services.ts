/**
 * Services: where the healthy instances of a name are reached. The DHT says which nodes provide the name, the
 * replica says where on them. A provider that the replica does not know yet is asked directly. Without an
 * answer of the DHT in time the replica answers alone, and says so.
 */

import type { MemberId } from '../../protocol/base/id.ts'
import { boolean, list, literal, object } from '../../protocol/base/schema.ts'
import { isPresent } from '../../protocol/membership/member.ts'
import type { ClusterView, EndpointView, ServiceView } from '../../protocol/view.ts'
import type { Backend } from './backend.ts'
import { readBytes } from './body.ts'
import { nodeNames } from './find.ts'
import { listOf, page } from './page.ts'
import { paging } from './parameter.ts'
import { problemShape, RequestProblem } from './problem.ts'
import { Providers } from './providers.ts'
import { ask, wasForwarded } from './proxy.ts'
import { type Route, route, type Shape } from './route.ts'
import { anyText, memberId, whole } from './shapes.ts'

const serviceShape: Shape = {
  name: 'Service',
  schema: object({
    name: anyText,
    /** Whether the DHT was heard, or the replica answers alone. */
    source: literal('dht', 'replica'),
    endpoints: list(
      object({
        allocation: anyText,
        job: anyText,
        node: anyText,
        nodeId: memberId,
        host: anyText,
        port: whole,
        healthy: boolean(),
        tags: list(anyText, 16),
      }),
      100_000,
    ),
  }),
}

type Endpoint = ReturnType<typeof toEndpoint>
export type Service = ReturnType<typeof toService>

function toEndpoint(endpoint: EndpointView, nameOf: (member: string) => string) {
  const { allocation, job, member, host, port, healthy, tags } = endpoint
  return { allocation, job, node: nameOf(member), nodeId: member, host, port, healthy, tags }
}

function toService(service: ServiceView, nameOf: (member: string) => string) {
  const endpoints = service.endpoints.map((each) => toEndpoint(each, nameOf))
  return { name: service.name, source: 'replica', endpoints }
}

export function serviceRoutes(backend: Backend): Route[] {
  const providers = new Providers(backend)
  return [
    route({
      method: 'GET',
      path: '/v1/services',
      summary: 'All services and their endpoints, as the replicated state has them',
      query: paging,
      answers: { 200: { shape: listOf(serviceShape) } },
      handle({ query }) {
        const view = backend.view()
        const nameOf = nodeNames(view)
        const present = (service: ServiceView) => toService(service, nameOf)
        return page(view.services(), (service) => [service.name], query, present)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/services/:name',
      summary: 'One service: its endpoints, found with the DHT where that answers in time',
      answers: { 200: { shape: serviceShape }, 404: { shape: problemShape } },
      async handle({ params, request }) {
        const name = params.name!
        if (wasForwarded(request)) return ownPart(toLocal(backend.view(), name), name, backend.self)
        const found = await providers.of(name)
        // After the walk: what stopped meanwhile is not named.
        const local = toLocal(backend.view(), name)
        const asked = await askOthers(backend, name, local, found)
        const endpoints = [...local, ...asked]
        if (endpoints.length === 0 && backend.view().service(name) === undefined)
          throw new RequestProblem('not-found', `no service ${name}`)
        return { name, source: found.length > 0 ? 'dht' : 'replica', endpoints }
      },
    }),
  ]
}

function toLocal(view: ClusterView, name: string): Endpoint[] {
  const nameOf = nodeNames(view)
  return (view.service(name)?.endpoints ?? []).map((each) => toEndpoint(each, nameOf))
}

function ownPart(local: readonly Endpoint[], name: string, self: MemberId) {
  return { name, source: 'replica', endpoints: local.filter((each) => each.nodeId === self) }
}

/** Half of what a person takes for prompt, and few enough to ask at once. */
const askTimeoutMs = 500
const askedMax = 8

async function askOthers(
  backend: Backend,
  name: string,
  local: readonly Endpoint[],
  found: readonly MemberId[],
): Promise<Endpoint[]> {
  const view = backend.view()
  const known = new Set(local.map((each) => each.nodeId))
  const unknown = found.filter((member) => {
    const state = view.memberState(member)
    return !known.has(member) && member !== backend.self && state !== undefined && isPresent(state)
  })
  const answers = unknown.slice(0, askedMax).map((member) => askOne(backend, member, name))
  return (await Promise.all(answers)).flat()
}

/** A hint that leads nowhere is dropped. */
async function askOne(backend: Backend, member: MemberId, name: string): Promise<Endpoint[]> {
  try {
    const signal = AbortSignal.timeout(askTimeoutMs)
    const path = `/v1/services/${encodeURIComponent(name)}`
    const answer = await ask(backend, member, path, signal, askTimeoutMs)
    const service = serviceShape.schema.read(
      JSON.parse((await readBytes(answer, answerMax)).toString()),
      '',
      [],
    ) as { endpoints: Endpoint[] }
    return service.endpoints.filter((each) => each.nodeId === member)
  } catch {
    return []
  }
}

/** 500 endpoints of 500 bytes. */
const answerMax = 256 * 1024
