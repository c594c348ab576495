/** Whoever is not a member, or does not behave like one: refused, counted, and nobody else is harmed. */

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hello, protocolIds } from '../../../node/network/cluster.ts'
import { encodeFrames } from '../../../node/network/frame.ts'
import { limits } from '../../../protocol/limits.ts'
import {
  bytes,
  clusterKey,
  hostPort,
  introduce,
  member,
  type TestMember,
  until,
} from './members.ts'
import { getsThrough, libp2pStranger, rawSocket, type StrangerInit, speak } from './stranger.ts'

const strangers = suite('network/strangers')
const ids = protocolIds('test', 'main')

let victim: TestMember
let friend: TestMember
const others: { stop(): unknown }[] = []

strangers.before.each(async () => {
  victim = await member(1)
  friend = await member(2)
  introduce(victim, friend)
})

/** Nothing got through, and the members can still talk. */
strangers.after.each(async () => {
  friend.network.send(victim.id, bytes('still here'))
  await until('the friend is heard', () => victim.received.length > 0)
  assert.equal(victim.received, [{ from: friend.id, text: 'still here' }])
  assert.equal(victim.gossip, [])
  assert.equal(
    victim.opened.filter((id) => id !== friend.id && id !== trusted),
    [],
  )
  await Promise.all(others.splice(0).map((other) => other.stop()))
  await Promise.all([victim.network.stop(), friend.network.stop()])
  trusted = undefined
})

/** One who knows the cluster key and then misbehaves may well have been linked first. */
let trusted: string | undefined

const dropped = (reason: string) => victim.network.counters().dropped[reason] ?? 0
const target = () => multiaddr(victim.network.addresses()[0]!)

async function stranger(options: StrangerInit = {}) {
  const node = await libp2pStranger(ids, options)
  others.push(node)
  return node
}

async function isRefused(node: Libp2p): Promise<void> {
  assert.not(await getsThrough(node, target(), ids))
}

/** A connection to the peer port that speaks no libp2p. */
function raw(): Socket {
  const socket = rawSocket(hostPort(victim))
  others.push({ stop: () => socket.destroy() })
  return socket
}

strangers('another cluster key', async () => {
  await isRefused(await stranger({ key: new Uint8Array(32).fill(9) }))
  await until('counted', () => dropped('handshake-refused') > 0)
})

strangers('no cluster key', async () => {
  await isRefused(await stranger())
  await until('counted', () => dropped('handshake-refused') > 0)
})

strangers('a key of another kind', async () => {
  await isRefused(
    await stranger({ key: clusterKey, privateKey: await generateKeyPair('secp256k1') }),
  )
  await until('counted', () => dropped('handshake-refused') > 0)
})

strangers('a member with another cluster key joins nobody', async () => {
  const other = await member(3, {
    clusterKey: new Uint8Array(32).fill(9),
    join: [hostPort(victim)],
  })
  others.push(other.network)
  const refused = () => other.network.counters().dropped['handshake-refused'] ?? 0
  await until('both counted', () => refused() > 1 && dropped('handshake-refused') > 1)
  assert.equal(other.opened, [])
})

strangers('random bytes on the peer port', async () => {
  for (let i = 0; i < 10; i++) raw().write(randomBytes(64 * 1024))
  await until('counted', () => dropped('handshake-refused') >= 10)
})

strangers('more sockets a second than one address may open', async () => {
  const sockets = Array.from({ length: limits.handshakesPerSecondAndAddress + 10 }, raw)
  await until('the rest is refused', () => dropped('connection-limit') >= 10)
  for (const socket of sockets) socket.destroy()
  friend.network.keepLinks([victim.id])
  await until('a member gets through again', () => friend.network.isLinked(victim.id))
})

/** A stranger who knows the cluster key, up to the first frame that it sends. */
async function speaking(...frames: Uint8Array[]): Promise<{ isClosed: () => boolean }> {
  return speak(await stranger({ key: clusterKey }), target(), ids, frames)
}

strangers('a first frame that is no hello', async () => {
  const { isClosed } = await speaking(encodeFrames([bytes('let me in')]))
  await until('hung up', isClosed)
  assert.is(dropped('malformed'), 1)
})

strangers('a first frame that is too long for a hello', async () => {
  const { isClosed } = await speaking(encodeFrames([new Uint8Array(1000)]))
  await until('hung up', isClosed)
  assert.is(dropped('malformed'), 1)
})

strangers('a hello with a wrong proof', async () => {
  const { isClosed } = await speaking(encodeFrames([hello(clusterKey, 'somebody', victim.id)]))
  await until('hung up', isClosed)
  assert.is(dropped('handshake-refused'), 1)
})

strangers('an oversized frame of one who had proved to be a member', async () => {
  const privateKey = await generateKeyPair('Ed25519')
  trusted = peerIdFromPrivateKey(privateKey).toString()
  const node = await stranger({ key: clusterKey, privateKey })
  const proof = encodeFrames([hello(clusterKey, trusted, victim.id)])
  const { stream, isClosed } = await speak(node, target(), ids, [proof])
  await until('linked', () => victim.network.isLinked(trusted!))
  stream.send(Uint8Array.of(0x7f, 0xff, 0xff, 0xff))
  await until('hung up', isClosed)
  assert.is(dropped('too-large'), 1)
  assert.equal(victim.closed, [trusted])
})

strangers('HTTP without a proof of membership', async () => {
  const node = await stranger({ key: clusterKey })
  const connection = await node.dial(target())
  const stream = await connection.newStream(ids.http).catch(() => undefined)
  await until('counted', () => dropped('not-linked') === 1)
  await until('reset', () => stream === undefined || stream.status !== 'open')
  assert.equal(victim.streams, [])
})

strangers('broadcasts over the limit', async () => {
  const node = await stranger({ key: clusterKey })
  await node.dial(target())
  const { pubsub } = node.services as { pubsub: ReturnType<ReturnType<typeof gossipsub>> }
  pubsub.subscribe(ids.gossip)
  await until('gossip streams', () => pubsub.getSubscribers(ids.gossip).length > 0)
  await until('counted', () => {
    const large = new Uint8Array(limits.broadcastBytes + 1)
    large.set(randomBytes(16))
    void pubsub.publish(ids.gossip, large)
    return dropped('too-large') > 0
  })
  victim.network.publish(new Uint8Array(limits.broadcastBytes + 1))
  assert.is(victim.network.counters().published, 0)
})

strangers.run()
