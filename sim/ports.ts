/**
 * One machine's host ports, as node/runtime/ports.ts gives them: never twice, the same when asked again, from a
 * walk that goes on behind the last one given. Not modelled: ports that other programs take.
 */
import type { AllocationId } from '../protocol/base/id.ts'

type Ports = { readonly [name: string]: number }

const firstPort = 20_000
const portCount = 10_000

export class HostPorts {
  readonly #holders = new Map<number, AllocationId>()
  readonly #ports = new Map<AllocationId, Ports>()
  #next = 0

  /** All or none; undefined when one is taken. */
  reserve(
    allocation: AllocationId,
    wanted: readonly { readonly name: string; readonly host: number | null }[],
  ): Ports | undefined {
    const held = this.#ports.get(allocation) ?? {}
    const ports: { [name: string]: number } = {}
    for (const { name, host } of wanted) {
      const before = held[name]
      const port = before !== undefined && (host ?? before) === before ? before : this.#find(host)
      const holder = port === undefined ? undefined : this.#holders.get(port)
      if (port === undefined || (holder !== undefined && holder !== allocation)) {
        this.#holdOnly(allocation, held)
        return undefined
      }
      ports[name] = port
      this.#holders.set(port, allocation)
    }
    this.#holdOnly(allocation, ports)
    return ports
  }

  release(allocation: AllocationId): void {
    this.#holdOnly(allocation, {})
    this.#ports.delete(allocation)
  }

  clear(): void {
    this.#holders.clear()
    this.#ports.clear()
  }

  #find(host: number | null): number | undefined {
    if (host !== null) return host
    for (let tried = 0; tried < portCount; tried++) {
      const port = firstPort + this.#next
      this.#next = (this.#next + 1) % portCount
      if (!this.#holders.has(port)) return port
    }
    return undefined
  }

  #holdOnly(allocation: AllocationId, kept: Ports): void {
    const keeps = Object.values(kept)
    for (const [port, holder] of this.#holders)
      if (holder === allocation && !keeps.includes(port)) this.#holders.delete(port)
    this.#ports.set(allocation, kept)
  }
}
