/** What the DHT said of each service a moment ago: a lookup walks several nodes, and names are asked for often. */
import type { MemberId } from '../../protocol/base/id.ts'
import type { Backend } from './backend.ts'

interface Found {
  readonly providers: Promise<MemberId[]>
  readonly until: number
}

const lookupTimeoutMs = 250
/** As long as a client's own cache of an address usually lives. */
const keptMs = 3000
/** Names × 1 KiB. */
const namesMax = 1024

export class Providers {
  readonly #backend: Backend
  readonly #found = new Map<string, Found>()

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** Never rejects, and never waits longer than the lookup may take. */
  of(service: string): Promise<MemberId[]> {
    const now = Date.now()
    const held = this.#found.get(service)
    if (held !== undefined && held.until > now) return held.providers
    const providers = this.#lookUp(service)
    this.#found.delete(service)
    if (this.#found.size >= namesMax) this.#found.delete(this.#found.keys().next().value!)
    this.#found.set(service, { providers, until: now + keptMs })
    return providers
  }

  async #lookUp(service: string): Promise<MemberId[]> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<MemberId[]>((resolve) => {
      timer = setTimeout(resolve, 2 * lookupTimeoutMs, [])
    })
    const found = this.#backend.findProviders(service, lookupTimeoutMs).catch(() => [])
    const providers = await Promise.race([found, late])
    clearTimeout(timer)
    return providers
  }
}
