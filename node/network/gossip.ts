/**
 * Broadcasts over gossipsub, on one topic. What makes it cheap: envelopes are not signed, because the author
 * signs the payload and the core checks that once, while gossipsub would check every copy; a message is
 * known by the hash of its data; few copies are sent, because gossip is a hint that anti-entropy completes.
 */
import { hash } from 'node:crypto'
import { type GossipsubOpts, type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub'
import { limits } from '../../protocol/limits.ts'
import { type GossipMesh, sparseMesh } from '../../protocol/membership/gossip-mesh.ts'
import type { Counters } from './counters.ts'
import type { Node } from './libp2p.ts'
import { timing } from './timing.ts'

const idBytes = 16
const idOf = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer').subarray(0, idBytes)

export function gossipOptions(topic: string): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: ({ data }) => idOf(data),
    // Known before anything else is done with a copy.
    fastMsgIdFn: ({ data }) => hash('sha256', data ?? new Uint8Array(0), 'base64'),
    allowedTopics: [topic],
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    doPX: false,
    tagMeshPeers: false,
    ...boundsOf(sparseMesh),
    Dscore: 3,
    Dout: 1,
    Dlazy: 4,
    // To decline a copy costs as many messages as the copies that it saves, and messages are what costs.
    idontwantMinDataSize: limits.broadcastBytes,
    heartbeatInterval: timing.gossipHeartbeatMs,
    // Members on busy machines answer late; that is no fault of theirs.
    gossipsubIWantFollowupMs: 4 * timing.gossipHeartbeatMs,
    // Members share addresses; by default more than ten of them would be shunned in silence.
    scoreParams: { IPColocationFactorWeight: 0, decayInterval: 10_000 },
    ...bounds,
  }
}

function boundsOf({ degree, low, high, floodsOwn }: GossipMesh): Partial<GossipsubOpts> {
  return { D: degree, Dlo: low, Dhi: high, floodPublish: floodsOwn }
}

const bounds: Partial<GossipsubOpts> = {
  // One frame: a few of the largest broadcasts. What is over broadcastBytes is refused by the validator.
  maxInboundDataLength: 4 * limits.broadcastBytes,
  maxOutboundBufferSize: limits.sendQueueBytes,
  maxInboundStreams: 4,
  maxOutboundStreams: 4,
  maxTopicBytesPerPeer: 16 * 1024,
  decodeRpcLimits: {
    maxSubscriptions: 16,
    maxMessages: 256,
    maxIhaveMessageIDs: 1024,
    maxIwantMessageIDs: 1024,
    maxIdontwantMessageIDs: 512,
    maxControlMessages: 64,
    maxPeerInfos: 0,
  },
}

/** What gossipsub does not tell of in its type. */
interface Inner {
  readonly opts: Partial<GossipsubOpts>
  readonly status?: { heartbeatTimeout?: NodeJS.Timeout }
  publish(topic: string, bytes: Uint8Array): Promise<{ readonly recipients: readonly unknown[] }>
}

export class Gossip {
  readonly #node: Node
  readonly #topic: string
  readonly #counters: Counters

  constructor(init: {
    node: Node
    topic: string
    counters: Counters
    onGossip: (bytes: Uint8Array) => void
  }) {
    this.#node = init.node
    this.#topic = init.topic
    this.#counters = init.counters
    const { pubsub } = init.node.services
    pubsub.topicValidators.set(init.topic, (_, message) => this.#validate(message))
    pubsub.addEventListener('message', ({ detail }) => {
      this.#counters.gossipReceived++
      init.onGossip(detail.data)
    })
  }

  start(): void {
    this.#node.services.pubsub.subscribe(this.#topic)
  }

  /** Gossipsub forgets the timer of its next heartbeat when it stops, and would keep the process for it. */
  stop(): void {
    this.#inner.status?.heartbeatTimeout?.unref?.()
  }

  /** Gossipsub reads its options when it needs them: the bounds at each heartbeat. */
  setMesh(mesh: GossipMesh): void {
    Object.assign(this.#inner.opts, boundsOf(mesh))
  }

  publish(bytes: Uint8Array): void {
    if (bytes.length > limits.broadcastBytes) {
      this.#counters.drop('too-large')
      return
    }
    this.#counters.published++
    this.#inner.publish(this.#topic, bytes).then(
      ({ recipients }) => {
        this.#counters.publishedCopies += recipients.length
      },
      () => this.#counters.drop('publish-failed'),
    )
  }

  get #inner(): Inner {
    return this.#node.services.pubsub as unknown as Inner
  }

  #validate(message: Message): TopicValidatorResult {
    if (message.data.length <= limits.broadcastBytes) return TopicValidatorResult.Accept
    this.#counters.drop('too-large')
    return TopicValidatorResult.Reject
  }
}
