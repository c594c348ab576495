/**
 * Nonsense at a host's ports, as S6 speaks of it: bytes that decode to nothing, a stranger's messages, and a real
 * member's that has gone bad. The host must drop and count all of it, and go on.
 */
import type { Host } from '../host.ts'
import type { Strike } from './strike.ts'

/** Waves of the flood: more often costs more events, and a core notices no difference. */
const wavesPerSecond = 10

/** Returns what ends it and tells how much the host has dropped. */
export function floodHost(scene: Strike, host: Host, perSecond: number): () => number {
  let isOver = false
  const before = rejectedBy(host)
  const perWave = Math.max(1, Math.floor(perSecond / wavesPerSecond))
  const wave = () => {
    if (isOver) return
    for (let i = 0; i < perWave; i++) nonsense(scene, host)
    scene.after(Math.floor(1_000_000 / wavesPerSecond), wave)
  }
  wave()
  return () => {
    isOver = true
    return Math.max(0, rejectedBy(host) - before)
  }
}

function nonsense({ random, simulator }: Strike, host: Host): void {
  if (!host.isUp) return
  const from = random.chance(1, 2)
    ? `stranger-${random.hex(6)}`
    : (random.pick(simulator.hosts)?.id ?? host.id)
  host.receive({ type: 'message-refused', from, reason: 'malformed', detail: random.hex(8) })
}

function rejectedBy(host: Host): number {
  if (!host.isUp) return 0
  const { rejections } = host.core.view().counts()
  return Object.values(rejections).reduce((sum, count) => sum + count, 0)
}
