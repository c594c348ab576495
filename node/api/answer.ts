/** Turns whatever went wrong with a request into the problem that its client sees, and never into a stack. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { jsonTypes, yamlTypes } from './body.ts'
import { bodyOf, headersOf, RequestProblem } from './problem.ts'
import type { Route } from './route.ts'

export function answerProblem(
  error: FastifyError | RequestProblem,
  request: FastifyRequest,
  reply: FastifyReply,
  onError: ((error: unknown, request: string) => void) | undefined,
): void {
  const problem = toProblem(error, request)
  if (problem.code === 'internal') onError?.(error, `${request.method} ${request.url}`)
  if (reply.sent) return
  reply
    .code(problem.status)
    .headers(headersOf(problem))
    .send(bodyOf(problem, pathOf(request.url)))
}

function toProblem(error: FastifyError | RequestProblem, request: FastifyRequest): RequestProblem {
  if (error instanceof RequestProblem) return error
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupported(request.headers['content-type'])
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new RequestProblem('malformed', error.message)
    default:
      return new RequestProblem('internal', 'the agent failed; its log says why')
  }
}

function unsupported(type: string | undefined): RequestProblem {
  const [json, yaml] = [jsonTypes[0], yamlTypes[0]]
  const said = type === undefined ? 'without a content type' : `as ${type}`
  const detail = `the body came ${said}; send ${json} or ${yaml}`
  return new RequestProblem('unsupported-media-type', detail, {
    headers: { accept: [...jsonTypes, ...yamlTypes].join(', ') },
  })
}

/** No route: 405 where the path has other methods, else 404. */
export function answerUnknown(
  routes: readonly Route[],
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const path = pathOf(request.url)
  const allowed = routes.filter((route) => fits(route.path, path)).map(({ method }) => method)
  const allow = [...new Set(allowed)].join(', ')
  const problem =
    allow === ''
      ? new RequestProblem('not-found', `no route ${path}; GET /openapi.json lists them`)
      : new RequestProblem('method-not-allowed', `allowed here: ${allow}`, { headers: { allow } })
  answerProblem(problem, request, reply, undefined)
}

function fits(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.replace(/\/$/, '').split('/')]
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]))
  )
}

function pathOf(url: string): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

/** What is not even a request: answered on the bare socket. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const problem = clientProblem(error.code)
  const body = bodyOf(problem, '')
  const head = Object.entries({
    ...headersOf(problem),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  const { status } = problem
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head.join('')}\r\n${body}`)
}

function clientProblem(code: string | undefined): RequestProblem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new RequestProblem('request-timeout', 'the request did not arrive in time')
  if (code === 'HPE_HEADER_OVERFLOW')
    return new RequestProblem('malformed', 'the headers are too large')
  return new RequestProblem('malformed', 'this is not an HTTP request')
}
