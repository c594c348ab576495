/**
 * What agents say of each other, as they say it: the events of all of them. Nothing is missed between two looks,
 * and fifty agents that are asked all the time would be measured under that load.
 */
import { type ClientRequest, get } from 'node:http'
import { createInterface } from 'node:readline'
import type { LocalAgent } from '../cluster.ts'

export interface MemberChange {
  /** Who says it. */
  readonly by: string
  readonly nodeId: string
  readonly state: string
  /** Milliseconds of `performance.now()`. */
  readonly at: number
}

export class MemberWatch {
  readonly changes: MemberChange[] = []
  readonly #requests: ClientRequest[] = []
  #onChange: () => void = () => undefined

  static async open(agents: readonly LocalAgent[]): Promise<MemberWatch> {
    const watch = new MemberWatch()
    await Promise.all(agents.map((agent) => watch.#follow(agent)))
    return watch
  }

  /** When each of the agents first said that the node is down; rejects after `withinMs`. */
  async downAt(agents: readonly LocalAgent[], nodeId: string, withinMs: number): Promise<number[]> {
    const found = () =>
      agents.map(
        ({ name }) =>
          this.changes.find(
            (each) => each.by === name && each.nodeId === nodeId && each.state === 'down',
          )?.at,
      )
    const { promise, resolve, reject } = Promise.withResolvers<number[]>()
    const missing = () => agents.filter((_, i) => found()[i] === undefined).map(({ name }) => name)
    const timer = setTimeout(
      () => reject(new Error(`${nodeId} is not down for ${missing().join(' ')}`)),
      withinMs,
    )
    this.#onChange = () => {
      const times = found().filter((time) => time !== undefined)
      if (times.length === agents.length) resolve(times)
    }
    this.#onChange()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    for (const request of this.#requests) request.destroy()
  }

  #follow(agent: LocalAgent): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = get(`${agent.api}/v1/events?type=member-changed`, (answer) => {
        const lines = createInterface({ input: answer })
        lines.on('line', (line) => this.#read(agent.name, line))
        // Cut off when we close it, or its agent ends: whose word is then missing is told by `downAt`.
        lines.on('error', () => lines.close())
        resolve()
      })
      request.on('error', reject)
      this.#requests.push(request)
    })
  }

  #read(by: string, line: string): void {
    if (!line.startsWith('data: ')) return
    const { nodeId, state } = JSON.parse(line.slice('data: '.length))
    this.changes.push({ by, nodeId, state, at: performance.now() })
    this.#onChange()
  }
}
