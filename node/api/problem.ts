/**
 * What goes wrong, as a client sees it: an RFC 9457 problem. `code` is for programs, `detail` for people,
 * `errors` names each wrong field. One table holds every code with its status, so that a client can rely on
 * the pair and the OpenAPI document can list it.
 */

import type { Issue } from '../../protocol/base/schema.ts'
import { integer, list, object, optional, text } from '../../protocol/base/schema.ts'
import type { Problem, ProblemCode } from '../../protocol/request.ts'
import type { Shape } from './route.ts'

export type ApiProblemCode =
  | ProblemCode
  | 'malformed'
  | 'bad-parameter'
  | 'ambiguous'
  | 'unauthorized'
  | 'cross-site'
  | 'method-not-allowed'
  | 'too-large'
  | 'unsupported-media-type'
  | 'request-timeout'
  | 'unreachable'
  | 'timed-out'
  | 'not-ready'
  | 'runtime-failed'
  | 'internal'

interface Meaning {
  readonly status: number
  readonly title: string
  readonly retryAfterSeconds?: number
}

export const problems: { readonly [code in ApiProblemCode]: Meaning } = {
  malformed: { status: 400, title: 'The body cannot be read' },
  'bad-parameter': { status: 400, title: 'A parameter is not valid' },
  ambiguous: { status: 400, title: 'The name fits more than one' },
  unauthorized: { status: 401, title: 'A token is needed' },
  'cross-site': { status: 403, title: 'Refused from another web site' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  exists: { status: 409, title: 'The job exists' },
  'version-mismatch': { status: 409, title: 'The job has changed meanwhile' },
  'too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  invalid: { status: 422, title: 'The content is not valid' },
  internal: { status: 500, title: 'The agent failed' },
  unreachable: { status: 502, title: 'Another agent cannot be reached' },
  'too-few-copies': { status: 503, title: 'The write reached too few nodes' },
  overloaded: { status: 503, title: 'The agent is busy', retryAfterSeconds: 1 },
  leaving: { status: 503, title: 'The agent is leaving', retryAfterSeconds: 5 },
  'not-ready': { status: 503, title: 'The agent is not ready', retryAfterSeconds: 1 },
  'runtime-failed': { status: 503, title: 'The runtime of the node cannot tell' },
  'timed-out': { status: 504, title: 'Another agent did not answer in time' },
  'storage-failed': { status: 507, title: 'The disk refuses writes' },
}

export const problemType = 'application/problem+json'

const problemSchema = object({
  type: text({ max: 256 }),
  title: text({ max: 256 }),
  status: integer(400, 599),
  detail: text({ max: 16_384 }),
  instance: text({ max: 16_384 }),
  code: text({ max: 64 }),
  errors: optional(list(object({ path: text({ max: 4096 }), message: text({ max: 4096 }) }), 64)),
  copies: optional(integer(0, 100_000)),
})

export const problemShape: Shape = { name: 'Problem', schema: problemSchema }

interface Extras {
  issues?: readonly Issue[]
  copies?: number
  headers?: { readonly [name: string]: string }
}

/** Thrown by whatever handles a request; the server answers with it. */
export class RequestProblem extends Error {
  override name = 'RequestProblem'
  readonly code: ApiProblemCode
  readonly issues: readonly Issue[] | undefined
  readonly copies: number | undefined
  readonly headers: { readonly [name: string]: string }

  constructor(code: ApiProblemCode, detail: string, extras: Extras = {}) {
    super(detail)
    this.code = code
    this.issues = extras.issues
    this.copies = extras.copies
    this.headers = extras.headers ?? {}
  }

  get status(): number {
    return problems[this.code].status
  }
}

export function fromCore(problem: Problem): RequestProblem {
  return new RequestProblem(problem.code, problem.detail, {
    ...(problem.issues && { issues: problem.issues }),
    ...(problem.copies !== undefined && { copies: problem.copies }),
  })
}

export function headersOf(problem: RequestProblem): { [name: string]: string } {
  const { retryAfterSeconds } = problems[problem.code]
  return {
    'content-type': problemType,
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    ...problem.headers,
  }
}

/** `instance`: the path that was asked for, without the query. */
export function bodyOf(problem: RequestProblem, instance: string): string {
  const { status, title } = problems[problem.code]
  return JSON.stringify({
    type: `urn:starling:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    instance,
    code: problem.code,
    errors: problem.issues,
    copies: problem.copies,
  })
}
