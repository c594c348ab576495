/**
 * Which services this node provides in the DHT: those of which it runs a healthy instance. The set is compared
 * with what was told before, so that the DHT hears of changes only.
 */
import { compareText } from '../base/id.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'

export class Registry {
  #provided: readonly string[] = []

  /** `services` are the names with a healthy instance here, sorted and distinct. */
  refresh(services: readonly string[], out: EffectSink): void {
    if (services === this.#provided) return
    const wanted = services.slice(0, limits.providedNames)
    for (const service of missingFrom(this.#provided, wanted))
      out.push({ type: 'provide', service })
    for (const service of missingFrom(wanted, this.#provided))
      out.push({ type: 'withdraw', service })
    this.#provided = wanted.length === services.length ? services : wanted
  }
}

/** What `names` has and `others` lacks; both are sorted. */
function missingFrom(others: readonly string[], names: readonly string[]): string[] {
  const missing: string[] = []
  let i = 0
  for (const name of names) {
    while (i < others.length && compareText(others[i]!, name) < 0) i++
    if (others[i] !== name) missing.push(name)
  }
  return missing
}
