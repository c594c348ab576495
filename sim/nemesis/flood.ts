/**
 * Nonsense at a host's ports, as S6 speaks of it: bytes that decode to nothing, from strangers and from members gone
 * bad, and announcements of deaths in a member's name that it never signed. The host must drop and count each of
 * them, and hold nobody for dead.
 */
import type { Event } from '../../protocol/event.ts'
import type { Host } from '../host.ts'
import type { Strike } from './strike.ts'

/** Waves of the flood: more often costs more events, and a core notices no difference. */
const wavesPerSecond = 10
/** Beyond any that a member of a run would have by itself. */
const forgedIncarnation = 1_000_000
const forgedSequence = 2 ** 45

/** Returns what ends it and tells how much the host has dropped. */
export function floodHost(scene: Strike, host: Host, perSecond: number): () => number {
  let isOver = false
  let sent = 0
  const { life } = host
  const before = rejectedBy(host)
  const perWave = Math.max(1, Math.floor(perSecond / wavesPerSecond))
  const wave = () => {
    if (isOver || !host.isUp) return
    for (let i = 0; i < perWave; i++) {
      const isForged = scene.simulator.hosts.length > 1 && scene.random.chance(1, 2)
      host.receive(isForged ? forgery(scene, host) : garbage(scene, host))
      sent++
    }
    scene.after(Math.floor(1_000_000 / wavesPerSecond), wave)
  }
  wave()
  return () => {
    isOver = true
    // Its disk has refused it since its start: it holds what comes, and looks at it once it may begin.
    if (host.isUp && !hasBegun(host)) return sent
    const dropped = Math.max(0, rejectedBy(host) - before)
    // A new agent counts from zero.
    if (host.isUp && host.life === life && dropped < sent)
      scene.complain(`S6: ${host.name} counted ${dropped} of ${sent} nonsensical messages`)
    return dropped
  }
}

function garbage({ random, simulator }: Strike, host: Host): Event {
  const from = random.chance(1, 2)
    ? `stranger-${random.hex(6)}`
    : (random.pick(simulator.hosts)?.id ?? host.id)
  return { type: 'message-refused', from, reason: 'malformed', detail: random.hex(8) }
}

/** A death that its alleged author never told. */
function forgery({ random, simulator }: Strike, host: Host): Event {
  const another = () => {
    const step = 1 + random.below(Math.max(1, simulator.hosts.length - 1))
    return simulator.hosts[(host.index + step) % simulator.hosts.length]!.id
  }
  const [author, victim] = [another(), another()]
  const broadcast = {
    author,
    sequence: forgedSequence + random.below(1000),
    updates: [{ member: victim, incarnation: forgedIncarnation, state: 'down' as const }],
    records: [],
    signature: Uint8Array.from({ length: 8 }, () => random.below(256)),
  }
  return { type: 'broadcast-received', broadcast }
}

function hasBegun(host: Host): boolean {
  return host.core.view().memberState(host.id) !== undefined
}

function rejectedBy(host: Host): number {
  if (!host.isUp) return 0
  const { rejections } = host.core.view().counts()
  return Object.values(rejections).reduce((sum, count) => sum + count, 0)
}
