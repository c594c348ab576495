/**
 * The whole state as this agent knows it, for the simulator, for `why` without a cluster, and for a report of
 * a fault. One item a line, written as the client reads: a large cluster does not become one string.
 */
import { Readable } from 'node:stream'
import type { Backend } from './backend.ts'
import { type Route, route } from './route.ts'

/** Raised when a reader of the older one would misread it. */
export const snapshotFormat = 'starling-snapshot/1'

export function snapshotRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/snapshot',
      summary: 'The whole state: nodes, jobs with their history, allocations',
      answers: { 200: { mediaType: 'application/json' } },
      endless: true,
      handle({ reply }) {
        reply.type('application/json; charset=utf-8')
        return reply.send(Readable.from(writeSnapshot(backend, Date.now())))
      },
    }),
  ]
}

export function* writeSnapshot(backend: Backend, at: number): Generator<string> {
  const view = backend.view()
  const head = {
    format: snapshotFormat,
    at,
    self: backend.self,
    version: backend.version,
    digest: view.digest(),
    counts: view.counts(),
  }
  yield JSON.stringify(head).slice(0, -1)
  yield* writeList('nodes', view.nodes())
  yield* writeList(
    'jobs',
    view.jobs().map((job) => ({ ...job, history: view.history(job.id) })),
  )
  yield* writeList('allocations', view.allocations())
  yield '}\n'
}

/** Pieces of about this many characters: one write for each item would cost more than the items. */
const pieceLength = 32_768

function* writeList(name: string, items: readonly unknown[]): Generator<string> {
  let piece = `,\n"${name}":[`
  for (const [i, item] of items.entries()) {
    piece += `${i === 0 ? '\n' : ',\n'}${JSON.stringify(item)}`
    if (piece.length < pieceLength) continue
    yield piece
    piece = ''
  }
  yield `${piece}]`
}
