/**
 * What only one agent can answer is asked of it over a stream of the cluster's own network, as plain HTTP: the
 * same routes answer at the other end. A request that was passed on once is never passed on again, so two
 * agents that each believe the other to run an allocation do not send a request back and forth.
 */
import http, { type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { MemberId } from '../../protocol/base/id.ts'
import { isPresent } from '../../protocol/membership/member.ts'
import type { Backend } from './backend.ts'
import { nodeName } from './find.ts'
import { RequestProblem } from './problem.ts'
import { sendAnswer, signalOf } from './stream.ts'

const forwardedHeader = 'x-starling-forwarded-by'

/** A link may have to be dialled first; an agent that is up answers within milliseconds. */
export const answerTimeoutMs = 5000

export function wasForwarded(request: FastifyRequest): boolean {
  return request.headers[forwardedHeader] !== undefined
}

export async function forward(
  backend: Backend,
  member: MemberId,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const view = backend.view()
  const name = nodeName(view, member)
  if (wasForwarded(request)) {
    const detail = `this node does not have it, ${name} should; the request was passed on once already`
    throw new RequestProblem('unreachable', detail)
  }
  const state = view.memberState(member)
  if (state === undefined || !isPresent(state)) {
    const detail = `node ${name} is ${state ?? 'unknown'}, and only it could answer`
    throw new RequestProblem('unreachable', detail)
  }
  const answer = await ask(backend, member, request.url, signalOf(reply), answerTimeoutMs)
  return sendAnswer(reply, answer)
}

/** GETs the path from another agent. Resolves with the headers; rejects with a problem. */
export async function ask(
  backend: Backend,
  member: MemberId,
  path: string,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<IncomingMessage> {
  const patience = AbortSignal.timeout(timeoutMs)
  const until = AbortSignal.any([signal, patience])
  try {
    const stream = await open(backend, member, until)
    return await request(stream, path, backend.self, signal, until)
  } catch (error) {
    const name = nodeName(backend.view(), member)
    if (patience.aborted)
      throw new RequestProblem('timed-out', `node ${name} did not answer within ${timeoutMs} ms`)
    const reason = error instanceof Error ? error.message : String(error)
    throw new RequestProblem('unreachable', `node ${name} cannot be reached: ${reason}`)
  }
}

/** A stream that comes too late is closed again. */
function open(backend: Backend, member: MemberId, until: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error('no connection in time'))
    until.addEventListener('abort', giveUp, { once: true })
    backend.openStream(member, until).then((stream) => {
      until.removeEventListener('abort', giveUp)
      if (until.aborted) stream.destroy()
      else resolve(stream)
    }, reject)
  })
}

/** `signal` ends the request whenever it comes, `until` only before the answer has begun. */
function request(
  stream: Duplex,
  path: string,
  self: MemberId,
  signal: AbortSignal,
  until: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'starling', [forwardedHeader]: self }
    const asked = http.request({ path, headers, signal, createConnection: () => stream })
    const giveUp = () => asked.destroy(new Error('no answer in time'))
    until.addEventListener('abort', giveUp, { once: true })
    asked.once('response', (answer) => {
      until.removeEventListener('abort', giveUp)
      resolve(answer)
    })
    asked.on('error', reject)
    asked.end()
  })
}
