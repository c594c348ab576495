/**
 * Writing jobs. The core checks a job and answers once it has its copies; here is only what HTTP says about
 * it: POST makes a job (again with the same content: 200 and the same version, so a retry is safe; with
 * another content: 409), PUT replaces one that is there, `If-Match` names the version that the client saw.
 */
import { anything, object } from '../../protocol/base/schema.ts'
import { countSchema, jobSchema } from '../../protocol/placement/job.ts'
import type { Command } from '../../protocol/request.ts'
import type { Backend } from './backend.ts'
import { checkBody } from './body.ts'
import { copies, flag, parameterProblem } from './parameter.ts'
import { problemShape, RequestProblem } from './problem.ts'
import { type Call, type Route, route, type Shape } from './route.ts'
import { toWritten, type Written, writtenShape } from './shapes.ts'

export const jobSpecShape: Shape = { name: 'JobSpec', schema: jobSchema }
const countShape: Shape = { name: 'Count', schema: countSchema }

const refused = {
  400: { shape: problemShape },
  409: { shape: problemShape },
  413: { shape: problemShape },
  415: { shape: problemShape },
  422: { shape: problemShape },
  503: { shape: problemShape },
  507: { shape: problemShape },
}
const ifMatch = { 'If-Match': 'The ETag or the version that the client saw: another one is a 409.' }
const ifNoneMatch = { 'If-None-Match': 'With `*`, only a job that is not there yet.' }
const notFound = { 404: { shape: problemShape } }
const written = { shape: writtenShape }

/** The field is checked by the core, with the rest of the job. */
const scaleSchema = object({ count: anything() })

export function submitRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/jobs',
      summary:
        'Submit a job. With ?upsert=true it may replace one; without, another content is a 409',
      query: { ...copies, upsert: flag('Replace the job when it is there with another content.') },
      headers: ifMatch,
      body: jobSpecShape,
      answers: { 200: written, 201: written, ...refused },
      async handle({ query, body, request, reply }) {
        const mode = query.upsert ? 'upsert' : 'create'
        const command = {
          spec: needBody(body),
          mode,
          ifMatch: ifMatchOf(request.headers['if-match']),
          copies: query.w ?? null,
        } as const
        return submit(backend, command, reply)
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/jobs/:id',
      summary: 'Replace a job; only the version of If-Match, where it is given',
      query: copies,
      headers: { ...ifMatch, ...ifNoneMatch },
      body: jobSpecShape,
      answers: { 200: written, 201: written, ...refused, ...notFound },
      async handle({ params, query, body, request, reply }) {
        const { 'if-match': given, 'if-none-match': none } = request.headers
        if (none !== undefined && none !== '*') throw headerProblem('If-None-Match', 'must be *')
        const mode = none === undefined ? 'replace' : 'create'
        const spec = specOf(params.id!, needBody(body))
        const command = { spec, mode, ifMatch: ifMatchOf(given), copies: query.w ?? null } as const
        return submit(backend, command, reply)
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/jobs/:id',
      summary: 'Delete a job and stop all that runs of it',
      query: copies,
      headers: ifMatch,
      answers: { 200: written, ...notFound, 409: { shape: problemShape } },
      async handle({ params, query, request }) {
        const seen = ifMatchOf(request.headers['if-match'])
        const target = { job: params.id!, ifMatch: seen, copies: query.w ?? null }
        return toWritten(await backend.request({ type: 'delete-job', ...target }))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/jobs/:id/scale',
      summary: 'Change how many instances a job has, and nothing else of it',
      query: copies,
      headers: ifMatch,
      body: countShape,
      answers: { 200: written, ...refused, ...notFound },
      async handle({ params, query, body, request }) {
        const { count } = checkBody(scaleSchema, needBody(body))
        const seen = ifMatchOf(request.headers['if-match'])
        const target = { job: params.id!, count, ifMatch: seen, copies: query.w ?? null }
        return toWritten(await backend.request({ type: 'scale-job', ...target }))
      },
    }),
  ]
}

async function submit(
  backend: Backend,
  command: Omit<Extract<Command, { type: 'submit-job' }>, 'type'>,
  reply: Call<Record<never, never>>['reply'],
): Promise<Written> {
  const answer = await backend.request({ type: 'submit-job', ...command })
  const body = toWritten(answer)
  if (answer.ok && answer.created)
    reply.code(201).header('location', `/v1/jobs/${encodeURIComponent(body.id)}`)
  const job = backend.view().job(body.id)
  const tag = job?.version === body.version ? job?.revision : body.version
  if (tag) reply.header('etag', `"${tag}"`)
  return body
}

function needBody(body: unknown): unknown {
  if (body === undefined) throw new RequestProblem('malformed', 'the body is empty')
  return body
}

/** The path names the job; a body may leave its id out, and must not name another. */
export function specOf(id: string, body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  if (!('id' in body)) return { id, ...body }
  if (body.id === id) return body
  const issues = [{ path: 'id', message: `must be ${id}, as in the path` }]
  throw new RequestProblem('invalid', 'the job is not valid', { issues })
}

/** `"3-1a2b"` or `3-1a2b`: one version. `*` is met by any job that is there, as every write here demands. */
function ifMatchOf(header: string | undefined): string | null {
  if (header === undefined || header.trim() === '*') return null
  const [, version] = /^\s*"?([^",\s]+)"?\s*$/.exec(header) ?? []
  if (version === undefined) throw headerProblem('If-Match', 'must be one version, or *')
  return version
}

function headerProblem(header: string, message: string): RequestProblem {
  return parameterProblem([{ path: header, message }])
}
