/**
 * What users do: they submit, scale, edit and delete jobs at agents drawn at random, as the scenario says or as a
 * trace tells. What they were told is in the ledger.
 */
import type { JobId } from '../protocol/base/id.ts'
import type { Random } from '../protocol/base/random.ts'
import type { Command, Reply } from '../protocol/request.ts'
import type { ArrivalSource } from './arrival.ts'
import type { Host } from './host.ts'
import { countRange, durationUs, sharePpm } from './scenario/quantity.ts'
import type {
  ActShape,
  ArrivalsShape,
  JobsShape,
  WorkloadShape,
} from './scenario/workload-shape.ts'
import type { Simulator } from './simulator.ts'
import { type Act, arrivalTimes, drawAct } from './workload/arrivals.ts'
import { even } from './workload/distribution.ts'
import { type DrawnJob, drawJob, type Sizes } from './workload/job.ts'
import { Ledger } from './workload/ledger.ts'

/** As many tries to draw a host that is up, before all are looked at. */
const triesMax = 20
const slotsMax = 10_000

/** Of a job once its user was told: what must run from then on (of a batch, nothing must), what runs first. */
interface Slots {
  readonly wanted: number
  readonly placed: number
}

const none: Slots = { wanted: 0, placed: 0 }

const usualSizes: Sizes = {
  type: 'service',
  count: '1..6',
  cpu: '50..400',
  memory: '32..512',
  sizes: 'even',
  ports: '50%',
  constraints: [],
  lifetimes: 'even',
}

export class Workload {
  readonly ledger = new Ledger()
  /** Acts that were due; each entry of a scenario asserts that it had some. */
  readonly acts = { submit: 0, scale: 0, edit: 0, delete: 0 }
  readonly #simulator: Simulator
  readonly #random: Random
  readonly #jobs: JobId[] = []
  #named = 0
  #isStopped = false

  constructor(simulator: Simulator, random: Random) {
    this.#simulator = simulator
    this.#random = random
  }

  /** Times of the entries count from now; arrivals end `endUs` from now at the latest. */
  play(entries: readonly WorkloadShape[], endUs: number): void {
    for (const entry of entries) {
      if (entry.load === 'jobs') this.#playJobs(entry)
      else if (entry.load === 'arrivals') this.#playArrivals(entry, endUs)
      else this.#after(durationUs(entry.at), () => this.#playActs(entry))
    }
  }

  /** One arrival is asked for when the one before has come. */
  follow(source: ArrivalSource): void {
    const startUs = this.#simulator.nowUs
    const proceed = () => {
      const arrival = source.next()
      if (arrival === undefined) return
      this.#after(Math.max(0, startUs + arrival.atUs - this.#simulator.nowUs), () => {
        this.#submit(arrival.job, arrival.spec, 1, arrival.runsUs)
        proceed()
      })
    }
    proceed()
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Left open, count and size are drawn. */
  submit(host: Host, job: JobId, fixed: { count?: number; cpu?: number } = {}): void {
    const sizes = { ...usualSizes, ...fixed }
    const { spec, count } = drawJob(job, sizes, this.#random)
    if (!this.#jobs.includes(job)) this.#jobs.push(job)
    this.#ask(host, job, { wanted: count, placed: count }, submission(spec))
  }

  #playJobs(entry: JobsShape): void {
    const drawn = this.#drawJobs(entry)
    const gapUs = Math.floor(durationUs(entry.within) / drawn.length)
    drawn.forEach((job, i) => {
      const runsUs = entry.type === 'batch' ? undefined : job.runsUs
      this.#after(durationUs(entry.at) + i * gapUs, () =>
        this.#submit(job.spec.id as JobId, job.spec, job.count, runsUs),
      )
    })
  }

  /** So many, or until they ask for the share of what the hosts have. */
  #drawJobs(entry: JobsShape): DrawnJob[] {
    const room = { cpu: 0, memory: 0 }
    for (const { capacity } of this.#simulator.hosts) {
      room.cpu += capacity.cpu
      room.memory += capacity.memory
    }
    const fillPpm = entry.fill === undefined ? undefined : sharePpm(entry.fill)
    const jobs: DrawnJob[] = []
    const asked = { cpu: 0, memory: 0 }
    const isEnough = () =>
      fillPpm === undefined
        ? jobs.length >= entry.jobs!
        : asked.cpu * 1_000_000 >= room.cpu * fillPpm ||
          asked.memory * 1_000_000 >= room.memory * fillPpm
    while (!isEnough()) {
      const job = drawJob(this.#name(), entry, this.#random)
      jobs.push(job)
      asked.cpu += job.cpu
      asked.memory += job.memory
    }
    return jobs
  }

  #playArrivals(entry: ArrivalsShape, endUs: number): void {
    const times = arrivalTimes(entry, endUs, this.#random)
    const startUs = this.#simulator.nowUs
    const proceed = () => {
      const { value: atUs } = times.next()
      if (atUs === undefined) return
      this.#after(startUs + atUs - this.#simulator.nowUs, () => {
        this.#act(drawAct(entry.acts, this.#random), entry)
        proceed()
      })
    }
    proceed()
  }

  /** Upon a share of the jobs that are there now. */
  #playActs(entry: ActShape): void {
    const chosen = this.#jobs.filter(() => this.#random.chance(sharePpm(entry.share), 1_000_000))
    const gapUs = Math.floor(durationUs(entry.within) / Math.max(1, chosen.length))
    chosen.forEach((job, i) => {
      this.#after(i * gapUs, () => {
        if (entry.load === 'scale') this.#scale(job, this.#wanted(job) * (entry.times ?? 1))
        else if (entry.load === 'delete') this.#delete(job)
        else this.#edit(job, { ...usualSizes, count: this.#wanted(job) })
      })
    })
  }

  #act(act: Act, sizes: Sizes & { readonly type: string }): void {
    const job = this.#random.pick(this.#jobs)
    if (act === 'submit' || job === undefined) {
      const drawn = drawJob(this.#name(), sizes, this.#random)
      const runsUs = sizes.type === 'batch' ? undefined : drawn.runsUs
      this.#submit(drawn.spec.id as JobId, drawn.spec, drawn.count, runsUs)
    } else if (act === 'scale') this.#scale(job, even(this.#random, countRange(sizes.count)))
    else if (act === 'edit') this.#edit(job, sizes)
    else this.#delete(job)
  }

  #submit(job: JobId, spec: DrawnJob['spec'], count: number, runsUs: number | undefined): void {
    this.acts.submit++
    this.#jobs.push(job)
    const wanted = spec.type === 'batch' ? 0 : count
    this.#askAnyone(job, { wanted, placed: count }, submission(spec))
    if (runsUs !== undefined) this.#after(runsUs, () => this.#delete(job))
  }

  #scale(job: JobId, wanted: number): void {
    this.acts.scale++
    const count = Math.min(wanted, slotsMax)
    const command = { type: 'scale-job', job, count, ifMatch: null, copies: null } as const
    this.#askAnyone(job, { wanted: count, placed: 0 }, command)
  }

  #edit(job: JobId, sizes: Sizes): void {
    this.acts.edit++
    const { spec, count } = drawJob(job, sizes, this.#random)
    this.#askAnyone(job, { wanted: count, placed: count }, submission(spec))
  }

  #delete(job: JobId): void {
    this.acts.delete++
    this.ledger.deletes.add(job)
    this.#askAnyone(job, none, { type: 'delete-job', job, ifMatch: null, copies: null })
  }

  #wanted(job: JobId): number {
    return this.ledger.wanted.get(job) ?? 0
  }

  #name(): JobId {
    this.#named++
    return `job-${this.#named - 1}`
  }

  #askAnyone(job: JobId, slots: Slots, command: Command): void {
    const host = this.#anyone()
    if (host !== undefined) this.#ask(host, job, slots, command)
  }

  #anyone(): Host | undefined {
    for (let tries = 0; tries < triesMax; tries++) {
      const host = this.#random.pick(this.#simulator.hosts)
      if (host?.isUp) return host
    }
    return this.#random.pick(this.#simulator.up())
  }

  #ask(host: Host, job: JobId, slots: Slots, command: Command): void {
    this.ledger.unanswered++
    host.request(command, (reply) => {
      this.ledger.unanswered--
      this.#note(job, slots, command, reply)
    })
  }

  #note(job: JobId, { wanted, placed }: Slots, { type }: Command, reply: Reply): void {
    if (!reply.ok) {
      this.ledger.refused++
      return
    }
    const { nowUs, metrics } = this.#simulator
    this.ledger.acknowledged.push({ job, type, atUs: nowUs, copies: reply.copies })
    if (wanted === 0 || this.ledger.deletes.has(job)) this.ledger.wanted.delete(job)
    else this.ledger.wanted.set(job, wanted)
    if (type === 'submit-job' && reply.created) metrics.wanted(job, placed, nowUs)
  }

  #after(delayUs: number, run: () => void): void {
    const place = { destination: -1, source: -1 }
    this.#simulator.schedule(Math.max(1, delayUs), 'request', place, () => {
      if (!this.#isStopped) run()
    })
  }
}

function submission(spec: DrawnJob['spec']): Command {
  return { type: 'submit-job', spec, mode: 'upsert', ifMatch: null, copies: null }
}
