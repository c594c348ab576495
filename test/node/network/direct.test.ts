/** One stream of messages between two nodes, seen from inside: signs of life, and the gossip beside it. */
import type { Connection, Stream } from '@libp2p/interface'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hello, protocolIds } from '../../../node/network/cluster.ts'
import { Counters } from '../../../node/network/counters.ts'
import { DirectStream } from '../../../node/network/direct.ts'
import { encodeFrames, FrameDecoder } from '../../../node/network/frame.ts'
import { Gossip } from '../../../node/network/gossip.ts'
import { createNode, type Node } from '../../../node/network/libp2p.ts'
import { Links } from '../../../node/network/links.ts'
import { Sweep } from '../../../node/network/sweep.ts'
import { timing } from '../../../node/network/timing.ts'
import { bytes, clusterKey, keyOf, member, until } from './members.ts'

const direct = suite('network/direct')
const protocols = protocolIds('test', 'main')

async function nodeOf(seed: number, counters: Counters): Promise<Node> {
  const node = await createNode({
    privateKey: await keyOf(seed),
    clusterKey,
    protocols,
    listen: '/ip4/127.0.0.1/tcp/0',
    announce: [],
    counters,
  })
  await node.start()
  return node
}

/** A proven stream to somebody who keeps silent unless told to speak. */
async function silentPartner() {
  const counters = new Counters()
  const [ours, theirs] = [await nodeOf(1, counters), await nodeOf(2, new Counters())]
  const [us, them] = [ours.peerId.toString(), theirs.peerId.toString()]
  const heard: number[] = []
  const decoder = new FrameDecoder(1000)
  let partner: Stream | undefined
  await theirs.handle(protocols.direct, (stream) => {
    partner = stream
    stream.addEventListener('message', ({ data }) => {
      decoder.push(data.subarray(), (message) => heard.push(message.length) > 0)
    })
    stream.send(encodeFrames([hello(clusterKey, them, us)]))
  })
  let closed = false
  const connection = await ours.dial(theirs.getMultiaddrs())
  const stream = new DirectStream({
    stream: await connection.newStream(protocols.direct),
    connection,
    ourHello: hello(clusterKey, us, them),
    theirHello: hello(clusterKey, them, us),
    counters,
    owner: {
      onProven() {},
      onMessage() {},
      onClosed: () => {
        closed = true
      },
    },
  })
  stream.sayHello()
  await until('proven', () => stream.isProven && heard.length === 1)
  return {
    stream,
    heard,
    say: (...messages: Uint8Array[]) => partner!.send(encodeFrames(messages)),
    isClosed: () => closed,
    dropped: () => counters.snapshot(0).dropped,
    stop: () => Promise.all([ours.stop(), theirs.stop()]),
  }
}

direct('a silent link is asked for a sign of life, and kept when one comes', async () => {
  const { stream, heard, say, isClosed, stop } = await silentPartner()
  const now = Date.now()
  stream.watch(now + timing.idleCheckMs - 1000)
  stream.watch(now + timing.idleCheckMs + 1000)
  await until('asked', () => heard.length === 2)
  assert.is(heard[1], 0)
  const received = stream.heardAt
  say(new Uint8Array(0))
  await until('heard', () => stream.heardAt > received)
  stream.watch(now + timing.idleCheckMs)
  assert.not(isClosed())
  await stop()
})

direct('without a sign of life the link is cut, and counted', async () => {
  const { stream, heard, isClosed, dropped, stop } = await silentPartner()
  const asked = Date.now() + timing.idleCheckMs + 1000
  stream.watch(asked)
  await until('asked', () => heard.length === 2)
  stream.watch(asked + timing.signMs - 1)
  assert.not(isClosed())
  stream.watch(asked + timing.signMs)
  assert.ok(isClosed())
  assert.equal(dropped(), { silent: 1 })
  await stop()
})

direct('what was said and not answered is asked after much sooner', async () => {
  const { stream, heard, say, stop } = await silentPartner()
  say(bytes('the last that is heard'))
  const received = stream.heardAt
  await until('heard', () => stream.heardAt > received)
  await until('a later millisecond', () => Date.now() > stream.heardAt)
  stream.send(bytes('a question'))
  await until('it arrived', () => heard.length === 2)
  stream.watch(Date.now() + timing.unansweredMs)
  await until('asked', () => heard.length === 3)
  await stop()
})

direct('messages sent in one turn leave in one write, and a stop loses them audibly', async () => {
  const { stream, heard, isClosed, dropped, stop } = await silentPartner()
  for (let i = 0; i < 100; i++) stream.send(bytes('x'))
  await until('all arrived', () => heard.length === 101)
  stream.send(bytes('never sent'))
  stream.abort()
  assert.ok(isClosed())
  assert.equal(dropped(), { unreachable: 1 })
  await stop()
})

direct('a gossip stream that is lost is opened again', async () => {
  const counters = new Counters()
  const node = await nodeOf(1, counters)
  const other = await member(2)
  const handlers = {
    onMessage() {},
    onGossip() {},
    onLinkOpened() {},
    onLinkClosed() {},
    onStream() {},
    addressesOf: () => other.network.addresses(),
  }
  const self = node.peerId.toString()
  const links = new Links({ node, self, clusterKey, protocols, counters, handlers })
  const gossip = new Gossip({ node, topic: protocols.gossip, counters, onGossip() {} })
  const sweep = new Sweep({ node, links, http: protocols.http, counters })
  await links.start()
  gossip.start()
  links.dialler.keep([other.id])
  const gossipStream = (way: Stream['direction']): Stream | undefined =>
    node
      .getConnections()
      .flatMap((connection: Connection) => connection.streams)
      .find(({ direction, protocol }) => direction === way && protocol.includes('meshsub'))
  const stream = () => gossipStream('outbound')
  // When the other's comes in, gossipsub opens ours if it is not there: both have to be.
  await until('gossip streams', () => stream() !== undefined && !!gossipStream('inbound'))
  assert.ok(links.isLinked(other.id))
  sweep.start()
  // Word of a late identify opens it too, without the sweep: lost again then.
  await until('found lost', () => {
    stream()?.abort(new Error('lost'))
    return (counters.snapshot(0).dropped['gossip-lost'] ?? 0) > 0
  })
  await until('opened again', () => stream() !== undefined)
  gossip.publish(bytes('heard again'))
  await until('gossip', () => other.gossip.length > 0)
  sweep.stop()
  links.stop()
  gossip.stop()
  await Promise.all([node.stop(), other.network.stop()])
})

direct.run()
