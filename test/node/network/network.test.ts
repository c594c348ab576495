/** Members on real libp2p nodes: links, messages, gossip, redials, joining, stopping. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../../protocol/limits.ts'
import { denseMesh, sparseMesh } from '../../../protocol/membership/gossip-mesh.ts'
import { bytes, hostPort, introduce, keyOf, member, type TestMember, until } from './members.ts'

const network = suite('network/network')

let members: TestMember[] = []

async function add(seed: number, options?: Parameters<typeof member>[1]): Promise<TestMember> {
  const added = await member(seed, options)
  members.push(added)
  return added
}

network.after.each(async () => {
  await Promise.all(members.map((each) => each.network.stop()))
  members = []
})

const linked = (a: TestMember, b: TestMember) =>
  a.network.isLinked(b.id) && b.network.isLinked(a.id)
const dropped = (of: TestMember, reason: string) => of.network.counters().dropped[reason] ?? 0

network('two members join and exchange messages both ways, in order', async () => {
  const a = await add(1)
  const b = await add(2, { join: [hostPort(a)] })
  await until('linked', () => linked(a, b))
  assert.equal([a.opened, b.opened], [[b.id], [a.id]])
  const texts = Array.from({ length: 500 }, (_, i) => `message ${i}`)
  for (const text of texts) {
    a.network.send(b.id, bytes(text))
    b.network.send(a.id, bytes(text))
  }
  await until('all arrived', () => a.received.length + b.received.length === 1000)
  assert.equal(
    b.received.map(({ text }) => text),
    texts,
  )
  assert.equal(
    a.received.map(({ text }) => text),
    texts,
  )
  assert.ok(b.received.every(({ from }) => from === a.id))
  const counters = a.network.counters()
  assert.is(counters.sent, 500)
  assert.is(counters.received, 500)
  assert.is(counters.links, 1)
  assert.equal(counters.dropped, {})
})

network(
  'the largest message arrives whole, one byte more is refused where it is sent',
  async () => {
    const [a, b] = [await add(1), await add(2)]
    introduce(a, b)
    const largest = new Uint8Array(limits.messageBytes).fill(120)
    a.network.send(b.id, largest)
    a.network.send(b.id, new Uint8Array(limits.messageBytes + 1))
    await until('it arrived', () => b.received.length === 1)
    assert.is(b.received[0]!.text.length, limits.messageBytes)
    assert.equal(a.network.counters().dropped, { 'too-large': 1 })
  },
)

network('a link is opened on demand, and what was sent meanwhile is not lost', async () => {
  const [a, b] = [await add(1), await add(2)]
  introduce(a, b)
  for (let i = 0; i < 10; i++) a.network.send(b.id, bytes(`${i}`))
  assert.not(a.network.isLinked(b.id))
  await until('all arrived', () => b.received.length === 10)
  assert.is(b.received.map(({ text }) => text).join(''), '0123456789')
})

network('what cannot be sent is counted and never thrown', async () => {
  const a = await add(1)
  const [nobody, dead] = [await add(2), await add(3)]
  a.book.set(dead.id, dead.network.addresses())
  await dead.network.stop()
  a.network.send(nobody.id, bytes('no address'))
  a.network.send(dead.id, bytes('no answer'))
  a.network.send(a.id, bytes('ourselves'))
  a.network.send('not a member id', bytes('x'))
  await until('all were given up', () => dropped(a, 'unreachable') === 4)
  await a.network.stop()
  a.network.send(dead.id, bytes('stopped'))
  a.network.publish(bytes('stopped'))
  assert.equal(a.network.counters().dropped, { unreachable: 5, 'publish-failed': 1 })
})

network('five members gossip to all, each message once', async () => {
  const five = await Promise.all([1, 2, 3, 4, 5].map((seed) => add(seed)))
  introduce(...five)
  for (const each of five) each.network.keepLinks(five.map(({ id }) => id))
  await until('mesh', () => five.every((each) => each.network.counters().links === 4))
  // A link may be a little older than its gossip stream; what is published in between is lost.
  const heard = new Set<TestMember>()
  await until('gossip streams', () => {
    for (const [i, each] of five.entries()) {
      if (each.gossip.length >= 4) heard.add(each)
      else for (const other of five) other.network.publish(bytes(`hello ${i} ${Math.random()}`))
    }
    return heard.size === 5
  })
  for (const each of five) each.network.publish(bytes(`from ${each.id}`))
  const fromAll = (each: TestMember) => each.gossip.filter((text) => text.startsWith('from '))
  await until('all heard all', () => five.every((each) => fromAll(each).length >= 4))
  for (const each of five) {
    const others = five.filter((other) => other !== each).map(({ id }) => `from ${id}`)
    assert.equal(fromAll(each).sort(), others.sort())
  }
})

network('a kept link is dialled again, at the same address and at a new one', async () => {
  const a = await add(1)
  const first = await add(2)
  introduce(a, first)
  a.network.keepLinks([first.id])
  await until('linked', () => linked(a, first))
  const [host, port] = hostPort(first).split(':')

  await first.network.stop()
  await until('closed', () => a.closed.length === 1)
  const second = await add(2, { listen: { host: host!, port: Number(port) } })
  await until('linked at the same address', () => linked(a, second))

  await second.network.stop()
  await until('closed again', () => a.closed.length === 2)
  const third = await add(2)
  assert.is.not(hostPort(third), `${host}:${port}`)
  a.book.set(third.id, third.network.addresses())
  await until('linked at the new address', () => linked(a, third))
  a.network.send(third.id, bytes('back'))
  await until('it hears', () => third.received.length === 1)
  assert.equal(a.opened, [first.id, first.id, first.id])
})

network('joining is tried until somebody answers, whatever else is on the list', async () => {
  const a = await add(1)
  const address = hostPort(a)
  const [host, port] = address.split(':')
  await a.network.stop()
  const join = ['nonsense', '127.0.0.1:1', `localhost:${port}`]
  const b = await add(2, { join })
  await until('tried in vain', () => b.network.counters().links === 0)
  const again = await add(1, { listen: { host: host!, port: Number(port) } })
  await until('linked', () => linked(again, b))
  await again.network.stop()
  await until('alone', () => b.network.counters().links === 0)
  const third = await add(3, { listen: { host: host!, port: Number(port) } })
  await until('joined whoever is there now', () => linked(third, b))
})

network('our own address on the list of addresses to join does no harm', async () => {
  const probe = await add(1)
  const [host, port] = hostPort(probe).split(':')
  await probe.network.stop()
  const b = await add(2)
  const listen = { host: host!, port: Number(port) }
  const a = await add(1, { listen, join: [`${host}:${port}`, hostPort(b)] })
  await until('linked', () => linked(a, b))
  assert.equal(a.opened, [b.id])
})

network('members that open links to each other at once stay linked', async () => {
  for (let round = 0; round < 5; round++) {
    const [a, b] = await Promise.all([add(1), add(2)])
    introduce(a, b)
    a.network.send(b.id, bytes('a'))
    b.network.send(a.id, bytes('b'))
    await until('both heard', () => a.received.length + b.received.length === 2)
    a.network.send(b.id, bytes('again'))
    b.network.send(a.id, bytes('again'))
    await until('both heard again', () => a.received.length + b.received.length === 4)
    assert.equal([a.opened, a.closed], [[b.id], []])
    await Promise.all([a.network.stop(), b.network.stop()])
  }
})

network('a slow reader costs a bounded queue, not memory', async () => {
  const [a, b] = [await add(1), await add(2)]
  introduce(a, b)
  a.network.keepLinks([b.id])
  await until('linked', () => linked(a, b))
  const message = new Uint8Array(limits.messageBytes / 4)
  for (let i = 0; i < 1000; i++) a.network.send(b.id, message)
  const fitting = limits.sendQueueBytes / message.length
  assert.is(dropped(a, 'queue-full'), 1000 - fitting)
  await until('the rest arrived', () => b.received.length === fitting)
})

network('twenty members started together link fully', async () => {
  const twenty = await Promise.all(Array.from({ length: 20 }, (_, i) => add(i + 1)))
  introduce(...twenty)
  const ids = twenty.map(({ id }) => id)
  for (const each of twenty) each.network.keepLinks(ids)
  await until('mesh', () => twenty.every((each) => each.network.counters().links === 19), 60_000)
  for (const each of twenty)
    for (const id of ids) if (id !== each.id) each.network.send(id, bytes('x'))
  await until('all heard all', () => twenty.every((each) => each.received.length === 19))
})

network('in a dense mesh an author tells all its neighbours, in a sparse one a few', async () => {
  const [hub, ...leaves] = await Promise.all(Array.from({ length: 12 }, (_, i) => add(i + 1)))
  introduce(hub!, ...leaves)
  const ids = leaves.map(({ id }) => id)
  const copies = () => hub!.network.counters().publishedCopies
  let before = 0
  /** Of the one published at the last look. */
  const copiesOfLast = (): number => {
    const last = copies() - before
    before = copies()
    hub!.network.publish(bytes(`broadcast ${before} ${Math.random()}`))
    return last
  }
  hub!.network.keepLinks(ids, denseMesh)
  await until('all are told', () => copiesOfLast() === leaves.length)
  hub!.network.keepLinks(ids, sparseMesh)
  await until('a few are told', () => copiesOfLast() <= sparseMesh.high, 30_000)
})

network('a stop is prompt, leaves the others unharmed, and can be asked for twice', async () => {
  const [a, b] = [await add(1), await add(2)]
  introduce(a, b)
  a.network.keepLinks([b.id])
  await until('linked', () => linked(a, b))
  await Promise.all([a.network.stop(), a.network.stop()])
  await until('noticed', () => b.closed.length === 1)
  assert.equal(b.closed, [a.id])
  assert.equal(a.network.addresses(), [])
})

network('what was said right before the stop still arrives', async () => {
  const [a, b] = [await add(1), await add(2)]
  introduce(a, b)
  a.network.keepLinks([b.id])
  await until('linked', () => linked(a, b))
  for (let i = 0; i < 50; i++) a.network.send(b.id, new Uint8Array(10_000).fill(120))
  a.network.send(b.id, bytes('farewell'))
  await a.network.stop()
  await until('heard', () => b.received.at(-1)?.text === 'farewell')
})

network('what is announced is told instead of what is listened on', async () => {
  const announce = ['/ip4/10.1.2.3/tcp/4601', '/dns/starling.example/tcp/4601']
  const a = await add(1, { announce })
  assert.equal(a.network.addresses(), announce)
})

network('a port that is taken is an error of the start', async () => {
  const a = await add(1)
  const [host, port] = hostPort(a).split(':')
  try {
    await member(2, { listen: { host: host!, port: Number(port) } })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), 'EADDRINUSE')
  }
})

network('only Ed25519 keys and whole cluster keys are taken', async () => {
  const privateKey = await keyOf(1)
  try {
    await member(1, { privateKey, clusterKey: new Uint8Array(31) })
    assert.unreachable()
  } catch (error) {
    assert.instance(error, TypeError)
  }
})

network.run()
