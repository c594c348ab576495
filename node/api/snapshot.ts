/**
 * The whole state as this agent knows it, for what-ifs in the simulator and for a report of a fault. One item a
 * line, written as the client reads: a large cluster does not become one string. The simulator reads `nodes`,
 * `config` and `records` (protocol/snapshot.ts); `jobs` and `allocations` say the same for people.
 */
import { Readable } from 'node:stream'
import { snapshotFormat, snapshotRecord } from '../../protocol/snapshot.ts'
import type { Backend } from './backend.ts'
import { type Route, route } from './route.ts'

export function snapshotRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/snapshot',
      summary: 'The whole state: nodes, jobs with their history, allocations, all records',
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
    config: backend.config,
  }
  yield JSON.stringify(head).slice(0, -1)
  yield* writeList('nodes', view.nodes())
  yield* writeList(
    'jobs',
    view.jobs().map((job) => ({ ...job, history: view.history(job.id) })),
  )
  yield* writeList('allocations', view.allocations())
  yield* writeList('records', view.records(), snapshotRecord)
  yield '}\n'
}

/** Pieces of about this many characters: one write for each item would cost more than the items. */
const pieceLength = 32_768

function* writeList<T>(
  name: string,
  items: Iterable<T>,
  written: (item: T) => unknown = (item) => item,
): Generator<string> {
  let piece = `,\n"${name}":[`
  let before = '\n'
  for (const item of items) {
    piece += before + JSON.stringify(written(item))
    before = ',\n'
    if (piece.length < pieceLength) continue
    yield piece
    piece = ''
  }
  yield `${piece}]`
}
