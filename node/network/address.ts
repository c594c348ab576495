/** Between HOST:PORT, as people write it, and the multiaddrs that libp2p dials. */
import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { MemberId } from '../../protocol/base/id.ts'

export interface HostPort {
  host: string
  port: number
}

/** `10.0.0.7:4601`, `[fd00::7]:4601` or `starling.example:4601`; undefined for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:\s/]+)):(\d{1,5})$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65_535) return undefined
  return match?.[1] !== undefined && isIP(host) !== 6 ? undefined : { host, port }
}

export function toMultiaddr({ host, port }: HostPort): string {
  const kind = { 4: 'ip4', 6: 'ip6' }[isIP(host)] ?? 'dns'
  return `/${kind}/${host}/tcp/${port}`
}

/** What can be dialled of it. Addresses come from other members, so nonsense is left out. */
export function dialable(addresses: readonly string[], member?: MemberId): Multiaddr[] {
  return addresses.flatMap((address) => {
    try {
      const parsed = multiaddr(address)
      const names = parsed.getComponents().map(({ name }) => name)
      if (!names.includes('tcp')) return []
      if (member === undefined || names.includes('p2p')) return [parsed]
      return [parsed.encapsulate(`/p2p/${member}`)]
    } catch {
      return []
    }
  })
}
