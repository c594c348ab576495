/**
 * Many seeds on several cores: a worker thread runs one seed after the other, each run for itself, so what comes of
 * a seed does not depend on how many workers there are. One run on two cores was measured with a bare kernel of
 * probes (lookahead by the least latency, a barrier for each window): 1.8 times as fast on an idle machine, half as
 * fast on a busy one, while two seeds at once give 2 whatever else runs. So cores are for seeds.
 */
import { Worker } from 'node:worker_threads'
import type { Break } from '../broken-run.ts'
import type { Report } from '../report/report.ts'
import type { Flags } from './flags.ts'

/** What came of a seed: a report, or what broke. */
export type SeedResult =
  | { readonly seed: number; readonly report: Report; readonly found?: undefined }
  | { readonly seed: number; readonly report?: undefined; readonly found: Break }

export class SeedPool {
  readonly #workers: Worker[]
  readonly #first: number
  readonly #last: number
  #next: number
  readonly #done = new Map<number, SeedResult>()
  #wake: (() => void) | undefined
  #failure: Error | undefined

  constructor(flags: Flags) {
    this.#first = flags.seed
    this.#next = flags.seed
    this.#last = flags.seed + flags.seeds - 1
    const count = Math.min(flags.workers, flags.seeds)
    this.#workers = Array.from({ length: count }, () => this.#start(flags))
  }

  /** In the order of the seeds. */
  async *reports(): AsyncGenerator<SeedResult> {
    for (let seed = this.#first; seed <= this.#last; seed++) {
      while (!this.#done.has(seed)) {
        if (this.#failure !== undefined) throw this.#failure
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      yield this.#done.get(seed)!
      this.#done.delete(seed)
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #start(flags: Flags): Worker {
    const worker = new Worker(new URL('./seed-worker.ts', import.meta.url), { workerData: flags })
    worker.on('message', (result: SeedResult) => {
      this.#done.set(result.seed, result)
      this.#give(worker)
      this.#wake?.()
    })
    worker.on('error', (error) => {
      this.#failure = error
      this.#wake?.()
    })
    this.#give(worker)
    return worker
  }

  #give(worker: Worker): void {
    if (this.#next <= this.#last) worker.postMessage(this.#next++)
  }
}
