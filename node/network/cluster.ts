/**
 * What makes a cluster on the wire: the ids of its protocols, and the keys that follow from the cluster key.
 *
 * The cluster key itself is never used directly. One derived key is libp2p's pre-shared key, under which
 * everything is encrypted once more than noise does. It has no integrity of its own, so each link also
 * proves membership inside noise: a MAC over both ids under a second derived key.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { MemberId } from '../../protocol/base/id.ts'

export interface ProtocolIds {
  direct: string
  gossip: string
  http: string
  dht: string
}

export function protocolIds(cluster: string, cell: string): ProtocolIds {
  const of = (name: string) => `/starling/1/${cluster}/${cell}/${name}`
  return { direct: of('direct'), gossip: of('gossip'), http: of('http'), dht: of('dht') }
}

/** In the form of libp2p's swarm.key file. */
export function preSharedKey(clusterKey: Uint8Array): Uint8Array {
  const key = derive(clusterKey, 'starling/1/network').toString('hex')
  return new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${key}`)
}

const version = 1
export const helloBytes = 33

/** What `from` says first to `to`: the version and the proof. */
export function hello(clusterKey: Uint8Array, from: MemberId, to: MemberId): Uint8Array {
  const proof = derive(derive(clusterKey, 'starling/1/member'), `${from}\0${to}`)
  return Buffer.concat([Uint8Array.of(version), proof])
}

export function isHello(bytes: Uint8Array, expected: Uint8Array): boolean {
  return bytes.length === expected.length && timingSafeEqual(bytes, expected)
}

function derive(key: Uint8Array, label: string): Buffer {
  return createHmac('sha256', key).update(label).digest()
}
