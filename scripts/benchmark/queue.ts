/** The simulator's queue alone: pop the earliest, push another, at a given number of pending events. */
import { Random } from '../../protocol/base/random.ts'
import { LadderQueue } from '../../sim/queue.ts'
import { atLeast, type Figure, median } from './figure.ts'

/** Of ten delays seven are those of links, 20–50 ms, and three those of timers, around a second. */
function delays(random: Random): Int32Array {
  return new Int32Array(65_536).map(() =>
    random.below(10) < 7 ? 20_000 + random.below(30_000) : 900_000 + random.below(200_000),
  )
}

export function benchQueue(sizes: readonly number[]): Figure[] {
  return sizes.map((pending) => {
    const rates = [1, 2, 3].map((seed) => measure(pending, seed))
    const name = `queue, ${pending.toLocaleString('en')} pending`
    return atLeast(5, { name, value: median(rates), unit: 'M events/s' })
  })
}

function measure(pending: number, seed: number): number {
  const queue = new LadderQueue()
  const drawn = delays(new Random(seed))
  for (let i = 0; i < pending; i++) {
    const spread = drawn[i % drawn.length]! + ((i * 7919) % 1_000_000)
    queue.push(spread, 4, i % 10_000, (i * 31) % 10_000, i, i)
  }
  const events = Math.max(2_000_000, pending)
  const startedAt = performance.now()
  for (let i = 0; i < events; i++) {
    queue.pop()
    queue.push(queue.at + drawn[i % drawn.length]!, 4, queue.destination, queue.source, i, i)
  }
  return events / 1000 / (performance.now() - startedAt)
}
