/**
 * Hears from the engine that one of our containers has ended. A connection that breaks is made again, at first
 * at once and then ever more slowly; and whatever ended meanwhile was not heard, so `onConnected` asks for all.
 */
import type Docker from 'dockerode'
import { labelFilter, readLabels } from './labels.ts'
import type { TaskRef } from './runtime.ts'

export interface EngineEventsOptions {
  readonly docker: Docker
  readonly node: string
  readonly onEnded: (id: string, task: TaskRef | undefined) => void
  readonly onConnected: () => void
}

const retryMinMs = 50
const retryMaxMs = 5000

interface DieEvent {
  /** Its labels are among the attributes. */
  readonly Actor?: {
    readonly ID?: string
    readonly Attributes?: { readonly [name: string]: string }
  }
}

export class EngineEvents {
  readonly #options: EngineEventsOptions
  #state: 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed' = 'idle'
  #stream: (NodeJS.ReadableStream & { destroy?: () => void }) | undefined
  #timer: NodeJS.Timeout | undefined
  #retryMs = retryMinMs

  constructor(options: EngineEventsOptions) {
    this.#options = options
  }

  /** Connects unless it is: at the first need, and when somebody knows that the engine answers. */
  connect(): void {
    if (this.#state !== 'idle' && this.#state !== 'waiting') return
    clearTimeout(this.#timer)
    this.#state = 'connecting'
    const label = labelFilter(this.#options.node)
    const filters = { type: ['container' as const], event: ['die'], label }
    this.#options.docker.getEvents({ filters }).then(
      (stream) => this.#listen(stream),
      () => this.#retry(),
    )
  }

  #listen(stream: NodeJS.ReadableStream): void {
    this.#stream = stream
    if (this.#state === 'closed') {
      this.close()
      return
    }
    this.#state = 'connected'
    this.#retryMs = retryMinMs
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#hear(line)
    })
    stream.on('error', () => undefined)
    stream.once('close', () => this.#retry())
    this.#options.onConnected()
  }

  #hear(line: string): void {
    try {
      const { Actor } = JSON.parse(line) as DieEvent
      if (Actor?.ID) this.#options.onEnded(Actor.ID, readLabels(Actor.Attributes))
    } catch {
      // Cut off by the engine's death: the next connection asks for all.
    }
  }

  #retry(): void {
    if (this.#state === 'closed') return
    this.#state = 'waiting'
    this.#timer = setTimeout(() => this.connect(), this.#retryMs).unref()
    this.#retryMs = Math.min(retryMaxMs, this.#retryMs * 2)
  }

  close(): void {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    this.#stream?.destroy?.()
  }
}
