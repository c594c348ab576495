/**
 * What users do: submit, scale, edit and delete jobs at random agents. The ledger keeps what they were told, as
 * ground truth for the checkers: recorded when it happens, not inferred later.
 */
import type { JobId } from '../protocol/base/id.ts'
import type { Random } from '../protocol/base/random.ts'
import type { Command, Reply } from '../protocol/request.ts'
import type { Host } from './host.ts'
import type { Simulator } from './simulator.ts'

export interface Acknowledged {
  readonly job: JobId
  readonly type: Command['type']
  readonly atUs: number
  readonly copies: number
}

export class Ledger {
  readonly acknowledged: Acknowledged[] = []
  refused = 0
  /** Asked, and the agent died before it answered. */
  unanswered = 0

  /** Jobs with an acknowledged submit on `copies` or more, and no delete ever asked for. */
  mustExist(copies: number): JobId[] {
    const sure = this.acknowledged.filter(
      (each) => each.type === 'submit-job' && each.copies >= copies,
    )
    return [...new Set(sure.map((each) => each.job))].filter((job) => !this.deletes.has(job)).sort()
  }

  /** A delete was asked for, answered or not. */
  readonly deletes = new Set<JobId>()
}

export class Workload {
  readonly ledger = new Ledger()
  readonly #simulator: Simulator
  readonly #random: Random
  readonly #jobs: JobId[] = []
  #stopped = false

  constructor(simulator: Simulator, random: Random) {
    this.#simulator = simulator
    this.#random = random
  }

  /** One act each `meanUs` on average, until stopped. */
  start(meanUs: number): void {
    const place = { destination: -1, source: -1 }
    this.#simulator.schedule(1 + this.#random.below(2 * meanUs), 'request', place, () => {
      if (this.#stopped) return
      this.act()
      this.start(meanUs)
    })
  }

  stop(): void {
    this.#stopped = true
  }

  act(): void {
    const host = this.#random.pick(this.#simulator.up())
    if (host === undefined) return
    const job = this.#random.pick(this.#jobs)
    const dice = this.#random.below(10)
    if (job === undefined || dice < 4) this.submit(host, `job-${this.#jobs.length}`)
    else if (dice < 7)
      this.#ask(host, job, {
        type: 'scale-job',
        job,
        count: this.#random.below(8),
        ifMatch: null,
        copies: null,
      })
    else if (dice < 9) this.submit(host, job)
    else {
      this.ledger.deletes.add(job)
      this.#ask(host, job, { type: 'delete-job', job, ifMatch: null, copies: null })
    }
  }

  /** Left open, count and size are drawn. */
  submit(host: Host, job: JobId, fixed: { count?: number; cpu?: number } = {}): void {
    if (!this.#jobs.includes(job)) this.#jobs.push(job)
    const spec = {
      id: job,
      count: fixed.count ?? 1 + this.#random.below(6),
      tasks: [
        {
          name: 'main',
          process: { command: ['sleep', '1000'] },
          env: { EDITION: String(this.#random.below(1000)) },
          resources: {
            cpu: fixed.cpu ?? 50 + 50 * this.#random.below(8),
            memory: 32 + 32 * this.#random.below(16),
          },
          ports: this.#random.chance(1, 2) ? [{ name: 'http' }] : [],
          checks: [],
        },
      ],
    }
    this.#ask(host, job, { type: 'submit-job', spec, mode: 'upsert', ifMatch: null, copies: null })
  }

  #ask(host: Host, job: JobId, command: Command): void {
    this.ledger.unanswered++
    host.request(command, (reply) => {
      this.ledger.unanswered--
      this.#note(job, command, reply)
    })
  }

  #note(job: JobId, { type }: Command, reply: Reply): void {
    if (!reply.ok) {
      this.ledger.refused++
      return
    }
    const { copies } = reply
    this.ledger.acknowledged.push({ job, type, atUs: this.#simulator.nowUs, copies })
  }
}
