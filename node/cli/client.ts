/**
 * A client of the HTTP API. `node:http` rather than `fetch`: fetch gives up on a body that is silent for five
 * minutes, which the logs of a quiet service are.
 */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { CommandFailure } from './failure.ts'

export const defaultApi = 'http://127.0.0.1:4600'

export type Query = { readonly [name: string]: string | number | boolean | undefined }

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly query?: Query
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: { readonly [name: string]: string }
}

export interface Answered {
  readonly status: number
  readonly body: unknown
}

interface ProblemBody {
  title?: string
  detail?: string
  errors?: { path: string; message: string }[]
}

export class Client {
  readonly #api: URL
  readonly #token: string | undefined

  constructor(api: URL, token: string | undefined) {
    this.#api = api
    this.#token = token
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await this.ask({ path, query })).body as T
  }

  /** All items of a list, page by page. */
  async list<T>(path: string, query: Query = {}): Promise<T[]> {
    const items: T[] = []
    let cursor: string | undefined
    do {
      const page = await this.get<{ items: T[]; cursor?: string }>(path, { ...query, cursor })
      items.push(...page.items)
      cursor = page.cursor
    } while (cursor !== undefined)
    return items
  }

  async ask(ask: Ask): Promise<Answered> {
    const answer = await this.open(ask)
    const text = await readAll(answer)
    const isJson = answer.headers['content-type']?.startsWith('application/json')
    return { status: answer.statusCode!, body: isJson ? JSON.parse(text) : text }
  }

  /** The answer as it comes. Rejects with a CommandFailure where it is a problem. */
  async open(ask: Ask): Promise<IncomingMessage> {
    const answer = await this.#send(ask)
    const status = answer.statusCode ?? 0
    if (status >= 200 && status < 300) return answer
    throw failureOf(status, await readAll(answer))
  }

  #send({ method = 'GET', path, query = {}, body, headers }: Ask): Promise<IncomingMessage> {
    const url = new URL(path, this.#api)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const text = body === undefined ? undefined : JSON.stringify(body)
    const { request } = url.protocol === 'https:' ? https : http
    return new Promise((resolve, reject) => {
      const asked = request(url, {
        method,
        headers: {
          ...(text !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          }),
          ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
          ...headers,
        },
      })
      asked.once('response', resolve)
      asked.once('error', (error) => reject(unreachable(this.#api, error)))
      asked.end(text)
    })
  }
}

function unreachable(api: URL, error: Error & { code?: string }): CommandFailure {
  const reason = error.code === 'ECONNREFUSED' ? 'nothing listens there' : error.message
  return new CommandFailure(
    `no agent at ${api.origin}: ${reason}. Start one with \`starling agent\`, or name another with --api`,
  )
}

function failureOf(status: number, text: string): CommandFailure {
  const problem = parseProblem(text)
  if (problem === undefined) return new CommandFailure(`the agent answered ${status}`, [text])
  if (status === 401) return new CommandFailure(tokenNeeded)
  const fields = problem.errors ?? []
  // Parameters are named in the detail already.
  const lines = fields.filter(({ path }) => !path.startsWith('?'))
  const details = lines.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  return new CommandFailure(problem.detail ?? problem.title ?? `status ${status}`, details)
}

const tokenNeeded =
  'the agent asks for a token: `starling token` prints it on a node; give it with --token or STARLING_TOKEN'

function parseProblem(text: string): ProblemBody | undefined {
  try {
    const body: unknown = JSON.parse(text)
    const isProblem = typeof body === 'object' && body !== null && 'status' in body
    return isProblem ? (body as ProblemBody) : undefined
  } catch {
    return undefined
  }
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer)
  } catch (error) {
    throw new CommandFailure(`the agent's answer broke off: ${(error as Error).message}`)
  }
  return Buffer.concat(chunks).toString()
}
