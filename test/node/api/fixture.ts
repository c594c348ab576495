/** An API over a cluster in memory, on a free port of loopback, and what the tests ask of it. */
import { duplexPair } from 'node:stream'
import { type Api, type ApiOptions, createApi } from '../../../node/api/server.ts'
import { MemoryBackend } from './memory-backend.ts'
import { MemoryCluster, memberNamed } from './memory-cluster.ts'

export interface Asked {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape.
  json: any
}

export interface Running {
  cluster: MemoryCluster
  backend: MemoryBackend
  api: Api
  url: string
  /** What the API reported as its own failures. */
  failures: unknown[]
  ask(method: string, path: string, body?: unknown, headers?: HeadersInit): Promise<Asked>
  close(): Promise<void>
}

export async function startApi(
  names = ['n1', 'n2', 'n3'],
  options: ApiOptions = {},
): Promise<Running> {
  return serve(new MemoryCluster(names), names[0]!, options)
}

export async function serve(
  cluster: MemoryCluster,
  name: string,
  options: ApiOptions = {},
  token?: string,
): Promise<Running> {
  const failures: unknown[] = []
  const backend = new MemoryBackend(cluster, name)
  backend.token = token
  const api = createApi(backend, { onError: (error) => failures.push(error), ...options })
  const { url } = await api.listen('127.0.0.1', 0)
  cluster.doors.set(memberNamed(name), async () => {
    const [near, far] = duplexPair()
    api.acceptStream(far)
    return near
  })
  const ask: Running['ask'] = (method, path, body, headers) =>
    askOf(url, method, path, body, headers)
  return { cluster, backend, api, url, failures, ask, close: () => api.close() }
}

/** Text goes as it is, anything else as JSON. */
export async function askOf(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: HeadersInit = {},
): Promise<Asked> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await fetch(url + path, {
    method,
    headers: { ...type, ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  const isJson = /^application\/(problem\+)?json/.test(answer.headers.get('content-type') ?? '')
  const json = isJson && text !== '' ? JSON.parse(text) : undefined
  return { status: answer.status, headers: answer.headers, text, json }
}

export function webJob(changes: object = {}): object {
  return {
    id: 'web',
    count: 3,
    tasks: [{ name: 'server', process: { command: ['serve'] }, ports: [{ name: 'http' }] }],
    services: [{ name: 'web', port: 'http' }],
    ...changes,
  }
}

/** Waits for what another process or connection is about to do. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 5000
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`not so in 5 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
