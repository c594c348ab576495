/**
 * The libp2p node: TCP, the cluster key, noise, yamux; identify, gossipsub and the DHT on top. Only settings
 * are here, each with its reason; what is done with the node is in the files beside this one.
 */
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { identify } from '@libp2p/identify'
import type { ConnectionGater, PeerId, PrivateKey } from '@libp2p/interface'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { limits } from '../../protocol/limits.ts'
import { networkKey, type ProtocolIds } from './cluster.ts'
import type { Counters } from './counters.ts'
import { gossipOptions } from './gossip.ts'
import { protector } from './protector.ts'
import { quietUnlessAsked } from './quiet.ts'
import { timing } from './timing.ts'
import { watched } from './watched-transport.ts'

export interface NodeInit {
  privateKey: PrivateKey
  clusterKey: Uint8Array
  protocols: ProtocolIds
  listen: string
  announce: string[]
  counters: Counters
}

export type Node = Awaited<ReturnType<typeof createNode>>

export async function createNode(init: NodeInit) {
  const connectionsOf = (peer: PeerId): number => node.getConnections(peer).length
  const node = await createLibp2p({
    start: false,
    privateKey: init.privateKey,
    addresses: { listen: [init.listen], announce: init.announce },
    transports: [watched(tcp({ backlog: limits.pendingHandshakes }), init.counters)],
    connectionProtector: protector(networkKey(init.clusterKey)),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(yamuxOptions)],
    connectionManager: connectionOptions,
    connectionGater: gater(connectionsOf, init.counters),
    // Its ping every 10 s costs half of the idle time; the links watch themselves (direct.ts).
    connectionMonitor: { enabled: false },
    services: {
      identify: identify({ timeout: timing.proofMs }),
      ping: ping(),
      pubsub: gossipsub(gossipOptions(init.protocols.gossip)),
      dht: kadDHT(dhtOptions(init.protocols.dht)),
    },
    ...quietUnlessAsked(),
  })
  return node
}

const connectionOptions = {
  maxConnections: limits.connections,
  maxIncomingPendingConnections: limits.pendingHandshakes,
  inboundConnectionThreshold: limits.handshakesPerSecondAndAddress,
  inboundUpgradeTimeout: timing.handshakeMs,
  inboundStreamProtocolNegotiationTimeout: timing.handshakeMs,
  outboundStreamProtocolNegotiationTimeout: timing.handshakeMs,
  addressDialTimeout: timing.dialAddressMs,
  dialTimeout: timing.dialMs,
  // A start of twenty on one machine is some 200 handshakes of 20 ms of CPU: more at once time out.
  maxParallelDials: 6,
  maxPeerAddrsToDial: 8,
  connectionCloseTimeout: timing.stopMs,
  // Links are ours to redial; the DHT's wish to keep its nearest peers does not make a link.
  reconnectRetries: 0,
}

const yamuxOptions = {
  // Only its first ping matters: without a round-trip time the window would never grow.
  keepAliveInterval: 60_000,
  maxInboundStreams: 256,
  maxOutboundStreams: 256,
  // A reader that pauses is owed at most a window; were the buffer smaller, the stream would be reset.
  streamOptions: {
    maxStreamWindowSize: limits.streamBufferBytes / 2,
    maxReadBufferLength: limits.streamBufferBytes,
  },
}

function dhtOptions(protocol: string) {
  return {
    protocol,
    clientMode: false,
    // The default drops private addresses, and with them everyone.
    peerInfoMapper: passthroughMapper,
    // Alone, or before the first link, an answer of nothing beats a wait.
    allowQueryWithZeroPeers: true,
    // A walk to ourselves dials twenty members: done by everyone at the start, that is most of the start's work.
    // The links fill the table as well.
    initialQuerySelfInterval: Math.round(timing.dhtSelfWalkMs * (0.5 + Math.random())),
    querySelfInterval: timing.dhtSelfWalkAgainMs,
    reprovide: {
      concurrency: limits.dhtProvides,
      interval: timing.dhtCheckMs,
      validity: timing.dhtValidityMs,
      threshold: timing.dhtRenewMs,
    },
  }
}

/** Keys of other kinds are refused, because records are signed with Ed25519, and so is a flood by one. */
function gater(connectionsOf: (peer: PeerId) => number, counters: Counters): ConnectionGater {
  const refuses = (peer: PeerId): boolean => {
    if (peer.type !== 'Ed25519') return true
    const full = connectionsOf(peer) >= limits.connectionsPerMember
    if (full) counters.drop('connection-limit')
    return full
  }
  return { denyInboundEncryptedConnection: refuses, denyOutboundEncryptedConnection: refuses }
}
