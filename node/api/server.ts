/**
 * The HTTP server: routes, doors and bounds. It holds no state of the cluster: what can be read comes from the
 * view, what is written goes to the core, and any agent answers for all of them.
 *
 * Fastify carries the routing. Its own schema compiler is left out: the core checks every job by the one
 * definition of a job, and a second check of the same body would only cost time.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify'
import { limits } from '../../protocol/limits.ts'
import { AgentError } from '../errors.ts'
import { allocationRoutes } from './allocations.ts'
import { answerClientError, answerProblem, answerUnknown } from './answer.ts'
import { type Gate, isLoopback, refusal } from './auth.ts'
import type { Backend } from './backend.ts'
import { jsonTypes, readJson, readYaml, yamlTypes } from './body.ts'
import { clusterRoutes } from './cluster.ts'
import type { EventFeed } from './event-feed.ts'
import { createFeed, eventRoutes } from './events.ts'
import { jobRoutes } from './jobs.ts'
import { logRoutes } from './logs.ts'
import { nodeRoutes } from './nodes.ts'
import { describeApi } from './openapi.ts'
import { readQuery } from './parameter.ts'
import { planRoutes } from './plan.ts'
import { type Route, route } from './route.ts'
import { serviceRoutes } from './services.ts'
import { snapshotRoutes } from './snapshot.ts'
import { submitRoutes } from './submit.ts'

export interface ApiOptions {
  /** Told of what should not happen; the client only hears that the agent failed. */
  onError?: (error: unknown, request: string) => void
  /** A comment to each client that follows the events, so that proxies keep the connection. */
  keepAliveMs?: number
  /** Further routes: front doors for other clients. */
  routes?: readonly Route[]
}

export interface ApiAddress {
  readonly host: string
  readonly port: number
  readonly url: string
}

export interface Api {
  /** Rejects on a host that is not loopback while no token is asked for. Port 0 takes any free one. */
  listen(host: string, port: number): Promise<ApiAddress>
  /** A connection from another agent, which the network has authenticated. The same routes answer. */
  acceptStream(stream: Duplex): void
  /** Ends those who follow, lets the rest finish for a moment, then closes all. */
  close(): Promise<void>
}

const keepAliveDefaultMs = 15_000
/** A client on a bad link sends 1 MiB in 30 s at 35 kB/s. */
const requestTimeoutMs = 30_000
const headersTimeoutMs = 10_000
/** Longer than the usual 60 s of proxies before us, so that it is they who close an idle connection. */
const idleTimeoutMs = 75_000
/** A write that waits for its copies takes 2 s at most. */
const closeGraceMs = 2500

export function createApi(backend: Backend, options: ApiOptions = {}): Api {
  const feed = createFeed(backend, options.keepAliveMs ?? keepAliveDefaultMs)
  const unsubscribe = backend.subscribe((event) => feed.publish(event))
  const routes = allRoutes(backend, feed, options.routes ?? [])
  const app = createServer(routes, options)
  const peers = new Set<Duplex>()
  const following = new Set<ServerResponse>()
  let gate: Gate = { token: backend.token, host: 'localhost' }
  app.addHook('onRequest', (request, _reply, done) => {
    const { open } = request.routeOptions.config as RouteConfig
    const isPeer = peers.has(request.raw.socket as Duplex)
    done(isPeer ? undefined : refusal(request.raw, gate, open === true))
  })
  app.addHook('onRequest', (request, reply, done) => {
    if ((request.routeOptions.config as RouteConfig).endless) remember(reply.raw, following)
    done()
  })
  for (const each of routes) register(app, each)
  return {
    async listen(host, port) {
      if (!isLoopback(host) && backend.token === undefined)
        throw new AgentError(
          'address-unusable',
          `the API does not listen on ${host} without a token: anyone could run anything here`,
        )
      gate = { token: backend.token, host }
      await app.listen({ host, port }).catch((error) => explain(error, host, port))
      return addressOf(app.server, host)
    },
    acceptStream(stream) {
      stream.on('error', () => stream.destroy())
      // The other agent ends its side only when it has its answer, or is gone.
      stream.once('end', () => stream.destroy())
      if (peers.size >= limits.peerStreams) return void stream.destroy()
      peers.add(stream)
      stream.once('close', () => peers.delete(stream))
      void app.ready().then(() => app.server.emit('connection', stream))
    },
    async close() {
      unsubscribe()
      feed.close()
      const force = setTimeout(() => app.server.closeAllConnections(), closeGraceMs)
      for (const response of following) response.destroy()
      await app.close()
      clearTimeout(force)
    },
  }
}

/** Also for whoever wants the OpenAPI document without a server. */
export function allRoutes(backend: Backend, feed: EventFeed, further: readonly Route[]): Route[] {
  const routes = [
    ...submitRoutes(backend),
    ...jobRoutes(backend),
    ...planRoutes(backend),
    ...nodeRoutes(backend),
    ...allocationRoutes(backend),
    ...logRoutes(backend),
    ...serviceRoutes(backend),
    ...clusterRoutes(backend),
    ...eventRoutes(backend, feed),
    ...snapshotRoutes(backend),
    ...further,
  ]
  const openapi = route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description',
    answers: { 200: { mediaType: 'application/json' } },
    handle: () => description,
  })
  routes.push(openapi)
  const description = describeApi(routes, backend.version)
  return routes
}

function createServer(routes: readonly Route[], options: ApiOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: limits.httpBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    forceCloseConnections: 'idle',
    http: { headersTimeout: headersTimeoutMs, maxHeaderSize: limits.httpHeaderBytes },
    routerOptions: { maxParamLength: 2 * limits.keyLength, ignoreTrailingSlash: true },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => fail(error, request, reply),
  })
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    answerProblem(error as FastifyError, request, reply, options.onError)
  app.server.maxConnections = limits.httpConnections
  app.setErrorHandler(fail)
  app.setNotFoundHandler((request, reply) => answerUnknown(routes, request, reply))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(jsonTypes, (request: FastifyRequest, body: IncomingMessage) =>
    readJson(request.headers, body),
  )
  app.addContentTypeParser(yamlTypes, (request: FastifyRequest, body: IncomingMessage) =>
    readYaml(request.headers, body),
  )
  return app
}

interface RouteConfig {
  readonly open?: boolean
  readonly endless?: boolean
}

/** While it is under way. */
function remember(response: ServerResponse, among: Set<ServerResponse>): void {
  among.add(response)
  response.once('close', () => among.delete(response))
}

const noParameters = {}

function register(app: FastifyInstance, of: Route): void {
  const { open = false, endless = false } = of
  const parameters = of.query ?? noParameters
  app.route({
    method: of.method,
    url: of.path,
    exposeHeadRoute: of.method === 'GET' && !endless,
    config: { open, endless },
    handler(request, reply) {
      const given = request.query as { [name: string]: unknown }
      const query = readQuery(given, parameters, of.method !== 'GET')
      const params = request.params as { [name: string]: string }
      return of.handle({ params, query, body: request.body, request, reply })
    },
  })
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): never {
  if (error.code === 'EADDRINUSE') {
    const detail = `something listens on ${host}:${port} already; --api takes another address`
    throw new AgentError('address-in-use', detail, error)
  }
  throw new AgentError('address-unusable', `the API cannot listen on ${host}:${port}`, error)
}

function addressOf(server: Server, host: string): ApiAddress {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { host, port, url: `http://${host.includes(':') ? `[${host}]` : host}:${port}` }
}
