/**
 * Whole agents, and those who would do them harm on the peer port: other clusters, strangers, noise, and a member
 * that speaks in others' names. Each is refused and counted, nothing changes, and the agents go on serving.
 */
import { randomBytes } from 'node:crypto'
import { multiaddr } from '@multiformats/multiaddr'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { clusterName, readClusterKey } from '../../node/cluster-key.ts'
import { createSeal } from '../../node/identity.ts'
import { hello, protocolIds } from '../../node/network/cluster.ts'
import { encodeFrames } from '../../node/network/frame.ts'
import { encodeCanonical } from '../../protocol/base/bytes.ts'
import { encodeBroadcast, encodeMessage } from '../../protocol/codec.ts'
import { limits } from '../../protocol/limits.ts'
import type { MemberUpdate } from '../../protocol/membership/member.ts'
import type { Broadcast } from '../../protocol/message.ts'
import type { ReplicaRecord } from '../../protocol/replication/record.ts'
import { signRecord } from '../../protocol/replication/signature.ts'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import { keyOf, member, type TestMember } from '../node/network/members.ts'
import {
  getsThrough,
  libp2pStranger,
  rawSocket,
  type StrangerInit,
  speak,
} from '../node/network/stranger.ts'
import { agree, type ClusterShape, digest, isRunning, nodes, settles, sleeper } from './shapes.ts'

const strangers = suite('e2e/strangers')
let cluster: LocalCluster
let clusterKey: Uint8Array
const others: { stop(): unknown }[] = []

strangers('three agents that run something', async () => {
  cluster = await LocalCluster.start({ agents: 3, cpu: 2000, memory: 2048 })
  clusterKey = (await readClusterKey(cluster.keyFile))!
  await cluster.agents[0]!.request('POST', '/v1/jobs', sleeper('steady', 3))
  await settles(cluster.agents, { steady: 3 }, 30_000)
})

/** Nothing changes by it, and everyone is served. */
function harmless(name: string, body: () => Promise<void>): void {
  strangers(name, async () => {
    await until(() => agree(cluster.agents), 'all agree', 20_000)
    const before = await digest(victim())
    try {
      await body()
    } finally {
      await Promise.all(others.splice(0).map((other) => other.stop()))
    }
    for (const each of cluster.agents) {
      assert.is(await digest(each), before)
      assert.is(await each.aliveCount(), 3)
      assert.ok(await isRunning(each, 'steady', 3))
    }
  })
}

strangers.after(() => cluster?.stop())

const victim = () => cluster.agents[0]!
const ids = () => protocolIds(clusterName(clusterKey), 'main')
const peerAddress = () => multiaddr(`/ip4/127.0.0.1/tcp/${victim().peer.split(':')[1]}`)

/** The counter's sum over the reason, or the plain figure. */
async function figure(of: LocalAgent, name: string, reason?: string): Promise<number> {
  const line = reason === undefined ? `${name} ` : `${name}{reason="${reason}"} `
  const text = await (await of.request('GET', '/metrics')).text()
  const found = text.split('\n').find((each) => each.startsWith(line))
  return Number(found?.slice(line.length) ?? 0)
}

const dropped = (reason: string, of = victim()) =>
  figure(of, 'starling_network_dropped_total', reason)
const rejected = (reason: string, of = victim()) => figure(of, 'starling_rejections_total', reason)

/** Waits until the victim has counted that many more than before. */
async function counts(reason: string, atLeast: number, act: () => Promise<unknown>): Promise<void> {
  const already = await dropped(reason)
  await act()
  const isCounted = async () => (await dropped(reason)) >= already + atLeast
  await until(isCounted, `${atLeast} × ${reason} counted`, 20_000)
}

async function stranger(init: StrangerInit = {}) {
  const node = await libp2pStranger(ids(), init)
  others.push(node)
  return node
}

harmless('an agent of another cluster', async () => {
  await counts('handshake-refused', 1, async () => {
    const other = await LocalCluster.start({ agents: 1, flags: ['--join', victim().peer] })
    others.push(other)
    const [agent] = other.agents
    const isRefused = async () => (await dropped('handshake-refused', agent)) > 0
    await until(isRefused, 'it is refused', 20_000)
    assert.is(await agent!.aliveCount(), 1)
  })
})

harmless('libp2p without the private network, and with a wrong one', async () => {
  for (const init of [{}, { key: new Uint8Array(32).fill(9) }])
    await counts('handshake-refused', 1, async () => {
      assert.not(await getsThrough(await stranger(init), peerAddress(), ids()))
    })
})

harmless('libp2p with the private network, but no proof of membership', async () => {
  const says = async (...frames: Uint8Array[]) => {
    const { isClosed } = await speak(
      await stranger({ key: clusterKey }),
      peerAddress(),
      ids(),
      frames,
    )
    await until(isClosed, 'hung up', 20_000)
  }
  await counts('malformed', 1, () => says(encodeFrames([randomBytes(20)])))
  await counts('malformed', 1, () => says(Uint8Array.of(0x7f, 0xff, 0xff, 0xff)))
  const { self } = await victim().get<ClusterShape>('/v1/cluster')
  const proofOfAnother = encodeFrames([hello(clusterKey, 'somebody', self)])
  await counts('handshake-refused', 1, () => says(proofOfAnother))
})

harmless('random bytes by the megabyte, and by the byte', async () => {
  const resident = () => figure(victim(), 'process_resident_memory_bytes')
  const residentBefore = await resident()
  const connections = limits.handshakesPerSecondAndAddress / 4
  const sockets = Array.from({ length: 2 * connections }, () => rawSocket(victim().peer))
  for (const socket of sockets) others.push({ stop: () => socket.destroy() })
  await counts('handshake-refused', sockets.length, async () => {
    for (const socket of sockets.slice(0, connections)) socket.write(randomBytes(8 * 1024 * 1024))
    const drips = setInterval(() => {
      for (const socket of sockets.slice(connections)) socket.write(randomBytes(1))
    }, 100)
    others.push({ stop: () => clearInterval(drips) })
    // Reset, most of them, which is an end as good as any.
    await Promise.all(sockets.map((socket) => new Promise((end) => socket.once('close', end))))
  })
  // What was sent, 64 MiB, was not kept.
  assert.ok((await resident()) < residentBefore + 32 * 1024 * 1024)
})

/** It has the cluster key and an identity of its own, so it is linked; what it says is another matter. */
async function forger(): Promise<{ self: TestMember; agents: string[] }> {
  const self = await member(77, {
    clusterKey,
    cluster: clusterName(clusterKey),
    join: cluster.agents.map(({ peer }) => peer),
  })
  others.push(self.network)
  const agents = (await nodes(victim())).map(({ id }) => id)
  const isLinked = () => agents.every((id) => self.network.isLinked(id))
  await until(isLinked, 'linked to all', 20_000)
  return { self, agents }
}

type Fields = Omit<ReplicaRecord, 'signature'>

/** What it signs with is its own key, whatever name it writes. */
async function forgedRecords(own: string, other: string): Promise<[string, Fields][]> {
  const fields = { counter: 2 ** 45, replaces: null, body: null, stamp: Date.now() * 4096 }
  const key = 'job/steady/spec'
  return [
    ['wrong-signature', { ...fields, author: other, key }],
    ['wrong-signature', { ...fields, author: other, key: `node/${other}` }],
    ['not-the-owner', { ...fields, author: own, key: `node/${other}` }],
    ['stamp-too-far-ahead', { ...fields, author: own, key, stamp: (Date.now() + 3.6e6) * 4096 }],
  ]
}

harmless("a member writes and deletes in another's name", async () => {
  const { self, agents } = await forger()
  const seal = createSeal(self.id, await keyOf(77))
  const other = agents.find((id) => id !== agents[0])!
  for (const [reason, fields] of await forgedRecords(self.id, other)) {
    const already = await Promise.all(cluster.agents.map((each) => rejected(reason, each)))
    const records = [signRecord(fields, seal)]
    for (const to of agents)
      self.network.send(to, encodeMessage({ type: 'replicate', id: 1, records }))
    const isCounted = async (each: LocalAgent, i: number) =>
      (await rejected(reason, each)) > already[i]!
    for (const [i, each] of cluster.agents.entries())
      await until(() => isCounted(each, i), `${reason} counted by ${each.name}`, 10_000)
  }
  assert.not(self.received.some(({ text }) => text.includes('replicated')))
})

harmless("a member gossips in another's name", async () => {
  const { self, agents } = await forger()
  const seal = createSeal(self.id, await keyOf(77))
  const [author, subject] = agents as [string, string]
  const incarnations = async () =>
    (await nodes(victim())).map(({ id, state, incarnation }) => `${id} ${state} ${incarnation}`)
  const known = await incarnations()
  const update: MemberUpdate = { member: subject, incarnation: 2 ** 30, state: 'down' }
  const [, forgedRecord] = (await forgedRecords(self.id, author))[0]!
  const forged = [
    { updates: [update], records: [] },
    { updates: [], records: [signRecord(forgedRecord, seal)] },
  ]
  for (const content of forged) {
    const already = await Promise.all(
      cluster.agents.map((each) => rejected('wrong-signature', each)),
    )
    let sequence = 2 ** 40
    const isCounted = async () => {
      // Each is another message to the network; gossip may need a heartbeat to know its new neighbour.
      const unsigned: Broadcast = {
        author,
        sequence: sequence++,
        ...content,
        signature: randomBytes(64),
      }
      self.network.publish(encodeBroadcast(unsigned))
      const now = await Promise.all(cluster.agents.map((each) => rejected('wrong-signature', each)))
      // Whose name it is hears nothing new about itself.
      return now.filter((count, i) => count > already[i]!).length >= 2
    }
    await until(isCounted, 'counted', 20_000)
  }
  assert.equal(await incarnations(), known)
})

harmless('a member sends what is no message', async () => {
  const { self, agents } = await forger()
  const already = {
    malformed: await rejected('malformed'),
    unknown: await rejected('unknown-type'),
  }
  for (const to of agents) {
    self.network.send(to, randomBytes(1000))
    self.network.send(to, encodeCanonical({ type: 'gift' }))
  }
  const isCounted = async () =>
    (await rejected('malformed')) > already.malformed &&
    (await rejected('unknown-type')) > already.unknown
  await until(isCounted, 'counted', 10_000)
})

strangers('after all that, the cluster still takes jobs', async () => {
  const answer = await victim().request('POST', '/v1/jobs', sleeper('brief', 2))
  assert.is(answer.status, 201)
  await settles(cluster.agents, { steady: 3, brief: 2 }, 20_000)
  assert.is((await victim().request('DELETE', '/v1/jobs/brief')).status, 200)
  await settles(cluster.agents, { steady: 3 }, 20_000)
})

strangers.run()
