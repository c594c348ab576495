/**
 * Preloaded into a real agent: writes down each gossip message that passes, with the time of the monotonic
 * clock, which all processes of a machine share. It wraps methods of gossipsub's class, so that the product
 * needs no switch for it. One line a fact, tab-separated: when (µs), what, of what, and who or how many.
 *
 * publish: by this agent, so many bytes. copy: arrived, from whom. deliver: the first copy, given to the agent
 * and about to be passed on. mesh: at a heartbeat, who we are, mesh peers and all peers. control: what was sent.
 */
import { hash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

type Method = (...args: unknown[]) => unknown
interface Tapped {
  readonly components: { readonly peerId: object }
  readonly mesh: Map<string, Set<string>>
  readonly topics: Map<string, Set<string>>
}

const folder = process.env.STARLING_TAP
const flushMs = 500
const source = new URL(
  '../../node_modules/@chainsafe/libp2p-gossipsub/dist/src/gossipsub.js',
  import.meta.url,
)

if (folder !== undefined && process.argv.includes('agent')) {
  const { GossipSub } = (await import(source.href)) as { GossipSub: { prototype: object } }
  tap(GossipSub.prototype as { [method: string]: Method }, join(folder, `${process.pid}.tap`))
}

function tap(prototype: { [method: string]: Method }, file: string): void {
  let lines = ''
  const write = (what: string, message: string, detail: string | number) => {
    const us = process.hrtime.bigint() / 1000n
    lines += `${us}\t${what}\t${message}\t${detail}\n`
  }
  setInterval(() => {
    if (lines !== '') appendFileSync(file, lines)
    lines = ''
  }, flushMs).unref()
  const before = (method: string, look: (self: Tapped, args: unknown[]) => void) => {
    const original = prototype[method]
    if (original === undefined) throw new Error(`gossipsub has no method ${method} any more`)
    prototype[method] = function (this: Tapped, ...args: unknown[]) {
      look(this, args)
      return original.apply(this, args)
    }
  }
  const nameOf = (data: Uint8Array) => hash('sha256', data, 'hex').slice(0, 16)
  before('publish', (_, [, data]) => {
    write('publish', nameOf(data as Uint8Array), (data as Uint8Array).length)
  })
  before('handleReceivedMessage', (_, [from, message]) => {
    write('copy', nameOf((message as { data: Uint8Array }).data), String(from))
  })
  before('forwardMessage', (_, [, message]) => {
    write('deliver', nameOf((message as { data: Uint8Array }).data), '')
  })
  before('heartbeat', ({ components, mesh, topics }) => {
    for (const [topic, peers] of mesh)
      write('mesh', String(components.peerId), `${peers.size} ${topics.get(topic)?.size ?? 0}`)
  })
  before('sendIDontWants', ({ mesh }, [, topic]) => {
    write('control', 'idontwant', Math.max(0, (mesh.get(String(topic))?.size ?? 0) - 1))
  })
  before('sendRpc', (_, [, rpc]) => {
    const { control } = rpc as { control?: { [kind: string]: unknown[] | undefined } }
    for (const kind of ['ihave', 'iwant', 'graft', 'prune'])
      if ((control?.[kind]?.length ?? 0) > 0) write('control', kind, control![kind]!.length)
  })
}
