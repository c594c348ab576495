/** What goes over the wire, and what is refused before a byte is kept: frames, proofs, addresses, queues. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dialable, parseHostPort, toMultiaddr } from '../../../node/network/address.ts'
import { hello, helloBytes, isHello, protocolIds } from '../../../node/network/cluster.ts'
import { encodeFrames, FrameDecoder } from '../../../node/network/frame.ts'
import { SendQueue } from '../../../node/network/send-queue.ts'
import { unneeded } from '../../../node/network/sweep.ts'
import { backOffMs, timing } from '../../../node/network/timing.ts'
import { limits } from '../../../protocol/limits.ts'

const wire = suite('network/wire')
const messages = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 })

function decodeInPieces(wireBytes: Uint8Array, cuts: number[], maxBytes = 1000): Uint8Array[] {
  const decoder = new FrameDecoder(maxBytes)
  const found: Uint8Array[] = []
  const ends = [...cuts.map((cut) => cut % (wireBytes.length + 1)), wireBytes.length]
  let start = 0
  for (const end of ends.sort((a, b) => a - b)) {
    const went = decoder.push(wireBytes.subarray(start, end), (message) => {
      found.push(message.slice())
      return true
    })
    assert.ok(went)
    start = end
  }
  return found
}

wire('frames come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(), { maxLength: 20 }), (sent, cuts) => {
      const received = decodeInPieces(encodeFrames(sent), cuts)
      assert.equal(
        received.map((message) => [...message]),
        sent.map((message) => [...message]),
      )
    }),
  )
})

wire('random bytes never throw and never give more than the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
      const decoder = new FrameDecoder(30)
      for (const chunk of chunks) {
        if (!decoder.push(chunk, (message) => message.length <= 30)) return
      }
    }),
  )
})

wire('a length over the limit is refused by its header alone', () => {
  const header = Uint8Array.of(0xff, 0xff, 0xff, 0xff)
  let delivered = 0
  const count = () => {
    delivered++
    return true
  }
  assert.not(new FrameDecoder(limits.messageBytes).push(header, count))
  const atLimit = new FrameDecoder(3)
  assert.ok(atLimit.push(encodeFrames([new Uint8Array(3)]), count))
  assert.not(atLimit.push(encodeFrames([new Uint8Array(4)]), count))
  assert.is(delivered, 1)
})

wire('a proof of membership is for one key, one sender and one receiver', () => {
  const key = new Uint8Array(32).fill(1)
  const proof = hello(key, 'a', 'b')
  assert.is(proof.length, helloBytes)
  assert.ok(isHello(hello(key, 'a', 'b'), proof))
  for (const other of [
    hello(key, 'b', 'a'),
    hello(key, 'a', 'c'),
    hello(new Uint8Array(32).fill(2), 'a', 'b'),
    proof.subarray(1),
    new Uint8Array(0),
  ]) {
    assert.not(isHello(other, proof))
  }
})

wire('clusters and cells do not share a protocol id', () => {
  assert.is(protocolIds('c1', 'main').direct, '/starling/1/c1/main/direct')
  const ids = [protocolIds('c1', 'main'), protocolIds('c2', 'main'), protocolIds('c1', 'other')]
  assert.is(new Set(ids.flatMap((each) => Object.values(each))).size, 12)
})

wire('HOST:PORT', () => {
  const table: [string, string | undefined][] = [
    ['10.0.0.7:4601', '/ip4/10.0.0.7/tcp/4601'],
    ['[fd00::7]:4601', '/ip6/fd00::7/tcp/4601'],
    ['starling.example:4601', '/dns/starling.example/tcp/4601'],
    [' localhost:1 ', '/dns/localhost/tcp/1'],
    ['fd00::7:4601', undefined],
    ['[10.0.0.7]:1', undefined],
    ['host', undefined],
    ['host:', undefined],
    ['host:99999', undefined],
    ['a/b:1', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of table) {
    const parsed = parseHostPort(text)
    assert.is(parsed && toMultiaddr(parsed), expected, text)
  }
})

wire('addresses that others tell: nonsense is left out, the member is added', () => {
  const member = '12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq'
  const found = dialable(['/ip4/1.2.3.4/tcp/5', 'nonsense', '/ip4/999/tcp/x', ''], member)
  assert.equal(found.map(String), [`/ip4/1.2.3.4/tcp/5/p2p/${member}`])
})

wire('a queue is bounded in number and in bytes, and keeps the order', () => {
  const many = new SendQueue()
  for (let i = 0; i < limits.sendQueueMessages; i++) assert.ok(many.push(Uint8Array.of(i)))
  assert.not(many.push(Uint8Array.of(0)))
  const batch = many.takeBatch()
  assert.equal(
    batch.slice(0, 3).map((message) => message[0]),
    [0, 1, 2],
  )

  const large = new SendQueue()
  const fitting = limits.sendQueueBytes / limits.messageBytes
  for (let i = 0; i < fitting; i++) assert.ok(large.push(new Uint8Array(limits.messageBytes)))
  assert.not(large.push(new Uint8Array(1)))
  assert.is(large.takeBatch().length, 1)
  assert.ok(large.push(new Uint8Array(1)))
  assert.is(large.clear(), fitting)
  assert.is(large.length, 0)
  assert.equal(large.takeBatch(), [])
})

wire('the back-off grows to its bound and is spread by half', () => {
  const bounds = { minMs: 100, maxMs: 1000 }
  const middle = [0, 1, 2, 3, 4, 1000].map((attempt) => backOffMs(attempt, bounds, 0.5))
  assert.equal(middle, [100, 200, 400, 800, 1000, 1000])
  assert.is(backOffMs(4, bounds, 0), 500)
  assert.is(backOffMs(4, bounds, 0.999_999), 1500)
})

wire('links on demand: the idle ones go, and the least recently used of too many', () => {
  const now = 1_000_000
  const link = (id: number, usedAt: number) => ({ id, usedAt })
  const fresh = Array.from({ length: limits.onDemandLinks }, (_, i) => link(i, now - 1))
  assert.equal(unneeded([...fresh], now), [])
  assert.equal(unneeded([link(98, now - timing.idleMs), link(99, now)], now), [
    link(98, now - timing.idleMs),
  ])
  assert.equal(unneeded([...fresh, link(99, now - 500)], now), [link(99, now - 500)])
})

wire.run()
