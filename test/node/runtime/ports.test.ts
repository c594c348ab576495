import { createServer, type Server } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isFree, PortTable } from '../../../node/runtime/ports.ts'
import { RuntimeFailure } from '../../../node/runtime/runtime.ts'

const test = suite('ports')

function listen(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host, exclusive: true }, () => resolve(server))
  })
}

async function withListener(host: string, body: (port: number) => Promise<void>): Promise<void> {
  const server = await listen(0, host)
  const address = server.address()
  try {
    await body(typeof address === 'object' && address ? address.port : 0)
  } finally {
    server.close()
  }
}

/** Free ones, as far as one can know. */
async function freeRange(count: number): Promise<[number, number]> {
  for (let first = 31_000; first < 32_000; first += count) {
    const ports = Array.from({ length: count }, (_, i) => first + i)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return [first, first + count - 1]
  }
  throw new Error('no free ports for the test')
}

const any = (...names: string[]) => names.map((name) => ({ name, host: null }))

async function failureOf(reserving: Promise<unknown>): Promise<RuntimeFailure> {
  const failure = await reserving.catch((error: unknown) => error)
  if (!(failure instanceof RuntimeFailure)) throw new Error(`no refusal, but ${failure}`)
  assert.is(failure.code, 'port-taken')
  assert.is(failure.definite, true)
  return failure
}

test('never gives a port twice while it is held', async () => {
  const table = new PortTable({ range: await freeRange(8) })
  const all = await Promise.all(
    ['a', 'b', 'c', 'd'].map((allocation) => table.reserve(allocation, any('http', 'admin'))),
  )
  const ports = all.flatMap((each) => Object.values(each))
  assert.is(new Set(ports).size, 8)
  assert.match((await failureOf(table.reserve('e', any('http')))).message, /no port of .* is free/)
  table.release('b')
  const again = await table.reserve('e', any('x', 'y'))
  assert.equal(Object.values(again).sort(), Object.values(all[1]!).sort())
})

test('asked again it answers with the same ports', async () => {
  const table = new PortTable({ range: await freeRange(4) })
  const first = await table.reserve('a', any('http'))
  assert.equal(await table.reserve('a', any('http')), first)
  const more = await table.reserve('a', any('http', 'admin'))
  assert.is(more.http, first.http)
})

test('reserves all or none', async () => {
  const table = new PortTable({ range: await freeRange(2) })
  await failureOf(table.reserve('a', any('one', 'two', 'three')))
  assert.is(Object.keys(await table.reserve('b', any('one', 'two'))).length, 2)
})

for (const host of ['127.0.0.1', '0.0.0.0'])
  test(`sees who listens on ${host}`, () =>
    withListener(host, async (port) => {
      assert.is(await isFree(port), false)
      const table = new PortTable({ range: [port, port] })
      await failureOf(table.reserve('a', any('http')))
      const fixed = table.reserve('a', [{ name: 'http', host: port }])
      assert.is((await failureOf(fixed)).message, `port ${port} is in use on this machine`)
    }))

test('a fixed port is given once, and named with its holder when refused', async () => {
  const [port] = await freeRange(1)
  const table = new PortTable({ range: [port, port] })
  const wanted = [{ name: 'http', host: port }]
  assert.equal(await table.reserve('a', wanted), { http: port })
  assert.is((await failureOf(table.reserve('b', wanted))).message, `port ${port} is held by a`)
  table.release('a')
  assert.equal(await table.reserve('b', wanted), { http: port })
})

test('a port that an adopted task listens on is held by its allocation', async () => {
  await withListener('127.0.0.1', async (port) => {
    const table = new PortTable({ range: [port, port] })
    table.adopt('a', { http: port })
    assert.equal(await table.reserve('a', [{ name: 'http', host: port }]), { http: port })
    assert.match((await failureOf(table.reserve('b', any('x')))).message, /is free/)
  })
})

test('a port rests before its next use', async () => {
  const table = new PortTable({ range: await freeRange(4), random: () => 0.5 })
  const { http: first } = await table.reserve('a', any('http'))
  table.release('a')
  const { http: second } = await table.reserve('b', any('http'))
  assert.is(second, first! + 1)
})

test.run()
