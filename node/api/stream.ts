/**
 * Answers that go on: bytes as they come, no faster than the client reads them, and no longer than it stays.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply } from 'fastify'

/** Aborted when the client has gone or has had its answer. */
export function signalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}

/**
 * Sends the chunks as text. Where the source ends by itself its first chunk is awaited before the headers, so
 * that a failure is still a problem with a status; one that is followed may have no chunk for hours.
 */
export async function sendText(
  reply: FastifyReply,
  chunks: AsyncIterable<Uint8Array>,
  follow: boolean,
): Promise<FastifyReply> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first = follow ? undefined : await iterator.next()
  begin(reply, 200, { 'content-type': 'text/plain; charset=utf-8' })
  await finish(Readable.from(resume(first, iterator), { objectMode: false }), reply)
  return reply
}

/** Passes another agent's answer on: its status, its type and its bytes. */
export async function sendAnswer(
  reply: FastifyReply,
  answer: IncomingMessage,
): Promise<FastifyReply> {
  const type = answer.headers['content-type']
  begin(reply, answer.statusCode ?? 502, type === undefined ? {} : { 'content-type': type })
  await finish(answer, reply)
  return reply
}

export function begin(
  reply: FastifyReply,
  status: number,
  headers: { readonly [name: string]: string },
): void {
  reply.hijack()
  const safe = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
  reply.raw.writeHead(status, { ...safe, ...headers })
  reply.raw.flushHeaders()
}

/** A source that breaks off ends the connection in the middle of a chunk, which the client can tell. */
async function finish(source: Readable, reply: FastifyReply): Promise<void> {
  try {
    await pipeline(source, reply.raw)
  } catch {
    reply.raw.destroy()
  }
}

async function* resume(
  first: IteratorResult<Uint8Array> | undefined,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    let next = first ?? (await iterator.next())
    while (next.done !== true) {
      if (next.value.length > 0) yield next.value
      next = await iterator.next()
    }
  } finally {
    await iterator.return?.()
  }
}
