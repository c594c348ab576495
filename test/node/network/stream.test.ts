/** Byte streams between members: whole, in order, with back-pressure, and HTTP over them. */
import { createHash } from 'node:crypto'
import { createServer, request } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { introduce, member, type TestMember, until } from './members.ts'

const streams = suite('network/stream')
const mib = 1024 * 1024

let a: TestMember
let b: TestMember

streams.before(async () => {
  a = await member(1)
  b = await member(2)
  introduce(a, b)
})

streams.before.each(() => {
  b.streams = []
  b.onStream = undefined
})

streams.after(async () => {
  await Promise.all([a.network.stop(), b.network.stop()])
})

/** Megabytes that differ from each other, made as they are read. */
function source(count: number): Readable {
  return Readable.from(
    (function* () {
      for (let i = 0; i < count; i++) yield Buffer.alloc(mib, i)
    })(),
    { objectMode: false },
  )
}

async function digest(of: AsyncIterable<Uint8Array>): Promise<{ bytes: number; hash: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of of) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, hash: hash.digest('hex') }
}

async function pair(): Promise<[Duplex, Duplex]> {
  const ours = await a.network.openStream(b.id)
  ours.on('error', () => {})
  await until('it arrived', () => b.streams.length === 1)
  assert.is(b.streams[0]!.from, a.id)
  return [ours, b.streams[0]!.stream]
}

streams('100 MB arrive whole, and the other half stays open', async () => {
  const [ours, theirs] = await pair()
  const sent = digest(source(100))
  const [received] = await Promise.all([
    digest(theirs),
    pipeline(source(100), ours, { end: true }).catch(() => {}),
    (async () => {
      await new Promise((resolve) => theirs.once('end', resolve))
      theirs.end('got it')
    })(),
    digest(ours).then(({ bytes }) => assert.is(bytes, 6)),
  ])
  assert.is(received.bytes, 100 * mib)
  assert.equal(received, await sent)
})

streams('a reader that pauses holds the writer back, and loses nothing', async () => {
  const [ours, theirs] = await pair()
  const writing = pipeline(source(30), ours)
  let writtenBefore = -1
  await until('the writer stands still', () => {
    const before = writtenBefore
    writtenBefore = ours.writableLength
    return before === writtenBefore && ours.writableNeedDrain
  })
  assert.ok(theirs.readableLength < 4 * mib)
  const [received] = await Promise.all([digest(theirs), writing])
  assert.equal(received, await digest(source(30)))
})

streams('many at once', async () => {
  b.onStream = (stream) => stream.pipe(stream)
  const expected = await digest(source(3))
  const echoes = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const stream = await a.network.openStream(b.id)
      const [received] = await Promise.all([digest(stream), pipelineIn(source(3), stream)])
      return received
    }),
  )
  for (const echo of echoes) assert.equal(echo, expected)
})

/** Ends the stream's writable half only. */
function pipelineIn(from: Readable, into: Duplex): Promise<void> {
  from.pipe(into)
  return new Promise((resolve, reject) => into.once('finish', resolve).once('error', reject))
}

streams(
  'a stream that is destroyed ends with an error on the other side, not as if complete',
  async () => {
    const [ours, theirs] = await pair()
    let error: unknown
    let ended = false
    theirs.on('error', (reason) => {
      error = reason
    })
    theirs.on('end', () => {
      ended = true
    })
    theirs.resume()
    ours.write('the beginning')
    await until('some arrived', () => theirs.readableFlowing === true)
    ours.destroy()
    await until('an error', () => error !== undefined)
    assert.not(ended)
    assert.ok(theirs.destroyed)
  },
)

streams('a member that vanishes ends its streams with an error', async () => {
  const c = await member(3)
  introduce(a, c)
  const stream = await a.network.openStream(c.id)
  let failed = false
  stream.on('error', () => {
    failed = true
  })
  stream.resume()
  await until('it arrived', () => c.streams.length === 1)
  await c.network.stop()
  await until('the end is noticed', () => failed || stream.destroyed)
  assert.ok(failed)
})

streams('a member that cannot be reached', async () => {
  for (const [id, signal] of [
    ['nobody', undefined],
    [b.id, AbortSignal.abort(new Error('not wanted any more'))],
  ] as const) {
    try {
      await a.network.openStream(id, signal)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, Error)
      assert.is.not((error as Error).message, 'Expected not to be reached!')
    }
  }
})

streams('HTTP: requests, bodies both ways, and a server that hangs up', async () => {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/hang-up') incoming.socket.destroy()
    else incoming.pipe(outgoing)
  })
  b.onStream = (stream) => server.emit('connection', stream)

  async function ask(path: string, megabytes: number): Promise<{ bytes: number; hash: string }> {
    const stream = await a.network.openStream(b.id)
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', path, createConnection: () => stream }
      const outgoing = request(options, (incoming) => digest(incoming).then(resolve, reject))
      outgoing.on('error', reject)
      source(megabytes).pipe(outgoing)
    })
  }

  assert.equal(await ask('/echo', 10), await digest(source(10)))
  const both = await Promise.all([ask('/echo', 2), ask('/echo', 3)])
  assert.equal(
    both.map(({ bytes }) => bytes),
    [2 * mib, 3 * mib],
  )
  const error = await ask('/hang-up', 1).then(
    () => undefined,
    (reason) => reason,
  )
  assert.instance(error, Error)
  server.close()
})

streams.run()
