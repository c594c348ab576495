/**
 * What a run measures, recorded when it happens: the truth from the hosts, the network and the runtimes, not what
 * agents believe. Hooks that stand in the path of events only count; everything else is sampled on a timer
 * (sample.ts).
 */
import { metricLimits } from '../limits.ts'
import { Deaths } from './deaths.ts'
import { Histogram } from './histogram.ts'

/** What is wrong with a host at the moment, worst last: the map's colours. */
export const conditions = [
  'up',
  'drained',
  'slow',
  'clock off',
  'disk full',
  'flooded',
  'lossy',
  'deaf',
  'cut off',
  'agent down',
  'off',
  'not there',
] as const
export type Condition = (typeof conditions)[number]

/** [µs, host, condition's number]. */
export type Mark = readonly [number, number, number]

export interface TaskSize {
  readonly job: string
  readonly slot: number
  readonly allocation: string
  readonly resources: { readonly cpu: number; readonly memory: number; readonly gpu: number }
}

const weighedOf = 64
const apart = new Set<Condition>(['cut off', 'deaf', 'agent down', 'off', 'not there'])

export class Metrics {
  readonly deaths = new Deaths()
  /** From the publication of a broadcast to its first arrival at each member. */
  readonly delivery = new Histogram()
  /** From the acknowledgement of a new job to the moment that all its slots have run at once. */
  readonly placement = new Histogram()
  /** Of direct messages, from every 64th: to encode each for its size alone would cost more than the rest. */
  bytesWeighed = 0
  #unweighed = 0
  readonly marks: Mark[] = []
  /** Beyond the limit: counted, not kept. */
  marksDropped = 0
  /** Tasks that run now, and what they take: the sum over all hosts. */
  readonly running = { tasks: 0, cpu: 0, memory: 0, gpu: 0 }
  readonly runningOfJob = new Map<string, number>()
  /** Tasks that began and ended to run; `moved`: as another allocation of a slot that had run before. */
  readonly starts = { tasks: 0, ended: 0, moved: 0 }
  /** The allocation that each slot ran as last: two texts each, as many as slots were ever wanted. */
  readonly #slots = new Map<string, string>()
  readonly #conditions: number[] = []
  /** New jobs not all of whose slots have run yet: the moment of their acknowledgement, and the slots. */
  readonly #placing = new Map<string, { readonly sinceUs: number; readonly count: number }>()

  started(host: number, nowUs: number): void {
    this.deaths.started(host, nowUs)
    this.mark(host, 'up', nowUs)
  }

  died(host: number, others: number, nowUs: number): void {
    this.deaths.died(host, others, nowUs)
  }

  /** `observer` holds `subject` for down; both are `connected` when the network lets each hear the other. */
  noticedDown(observer: number, subject: number, isConnected: boolean, nowUs: number): void {
    const isHeard = isConnected && !this.#isApart(observer) && !this.#isApart(subject)
    this.deaths.noticed(observer, subject, isHeard, nowUs)
  }

  /** A slow or a drained member lives and answers. One that is cut off is as good as dead to some. */
  #isApart(host: number): boolean {
    return apart.has(this.conditionOf(host))
  }

  mark(host: number, condition: Condition, nowUs: number): void {
    const number = conditions.indexOf(condition)
    if (this.#conditions[host] === number) return
    this.#conditions[host] = number
    if (this.marks.length < metricLimits.marks) this.marks.push([nowUs, host, number])
    else this.marksDropped++
  }

  conditionOf(host: number): Condition {
    return conditions[this.#conditions[host] ?? conditions.length - 1]!
  }

  /** Asked of each message: the answer is true for every 64th. */
  isToWeigh(): boolean {
    this.#unweighed++
    if (this.#unweighed < weighedOf) return false
    this.#unweighed = 0
    return true
  }

  weigh(bytes: number): void {
    this.bytesWeighed += weighedOf * bytes
  }

  /** A new job was acknowledged. */
  wanted(job: string, count: number, nowUs: number): void {
    if (count === 0) return
    if ((this.runningOfJob.get(job) ?? 0) >= count) this.placement.add(0)
    else this.#placing.set(job, { sinceUs: nowUs, count })
  }

  taskStarted({ job, slot, allocation, resources }: TaskSize, nowUs: number): void {
    this.starts.tasks++
    const before = this.#slots.get(`${job}/${slot}`)
    if (before !== allocation) this.#slots.set(`${job}/${slot}`, allocation)
    if (before !== undefined && before !== allocation) this.starts.moved++
    this.#add(resources, 1)
    const running = (this.runningOfJob.get(job) ?? 0) + 1
    this.runningOfJob.set(job, running)
    const placing = this.#placing.get(job)
    if (placing === undefined || running < placing.count) return
    this.#placing.delete(job)
    this.placement.add(nowUs - placing.sinceUs)
  }

  taskEnded({ job, resources }: Pick<TaskSize, 'job' | 'resources'>): void {
    this.starts.ended++
    this.#add(resources, -1)
    const left = (this.runningOfJob.get(job) ?? 0) - 1
    if (left > 0) this.runningOfJob.set(job, left)
    else this.runningOfJob.delete(job)
  }

  #add({ cpu, memory, gpu }: TaskSize['resources'], sign: 1 | -1): void {
    this.running.tasks += sign
    this.running.cpu += sign * cpu
    this.running.memory += sign * memory
    this.running.gpu += sign * gpu
  }
}
