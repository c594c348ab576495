/**
 * Which container images one machine has, and how long it takes to get another: its size, which follows from its
 * name, over the machine's share of the registry's bandwidth. Two tasks that want the same one wait for one pull.
 * Assumed and not measured, as no registry is at hand: sizes from 5 MB to 1.5 GB with a median of 80 MB, 40 MB/s.
 * Not modelled: layers that images share, a registry that many ask at once, images that are evicted.
 */
import { hashText } from '../protocol/base/hash.ts'
import { Delay } from './quantile.ts'

const bytesPerSecond = 40_000_000
/** In kB: the table has no unit of its own. */
const sizes = new Delay({
  points: [0, 10, 25, 50, 75, 90, 99, 100],
  us: [5000, 12_000, 30_000, 80_000, 180_000, 400_000, 1_000_000, 1_500_000],
})
const million = 1_000_000

export class Images {
  readonly counts = { pulls: 0, shared: 0 }
  /** When each is there. */
  readonly #presentAt = new Map<string, number>()

  /** Microseconds until the image is there. */
  waitUs(image: string, pull: 'missing' | 'always' | 'never', nowUs: number): number {
    const known = this.#presentAt.get(image)
    if (known !== undefined && known > nowUs) {
      this.counts.shared++
      return known - nowUs
    }
    if (pull === 'never' || (known !== undefined && pull === 'missing')) return 0
    this.counts.pulls++
    const kilobytes = sizes.at(hashText(image) % million)
    const waitUs = Math.ceil((kilobytes * 1000 * million) / bytesPerSecond)
    this.#presentAt.set(image, nowUs + waitUs)
    return waitUs
  }
}
