/** A machine without an agent's core, for the tests of its models: time, a disk, runtimes, and what it was told. */
import type { MemberId, RequestId } from '../../protocol/base/id.ts'
import { Random } from '../../protocol/base/random.ts'
import type { Notification } from '../../protocol/effect.ts'
import type { Event } from '../../protocol/event.ts'
import { Disk } from '../../sim/disk.ts'
import { Performer, type World } from '../../sim/perform.ts'
import { TaskRuntime } from '../../sim/runtime.ts'

interface Due {
  readonly atUs: number
  readonly order: number
  readonly run: () => void
}

export class TestMachine implements World {
  nowUs = 0
  life = 1
  isUp = true
  readonly told: Event[] = []
  readonly acts: string[] = []
  readonly disk: Disk
  readonly runtime: TaskRuntime
  readonly performer: Performer
  #due: Due[] = []
  #order = 0

  constructor(seed = 1) {
    const random = new Random(seed)
    this.disk = new Disk(random)
    this.runtime = new TaskRuntime(this, random)
    this.performer = new Performer(this)
  }

  /** Lets time pass; left out, until nothing is due. */
  run(durationUs = Number.POSITIVE_INFINITY): void {
    const end = this.nowUs + durationUs
    for (;;) {
      this.#due.sort((a, b) => a.atUs - b.atUs || a.order - b.order)
      const next = this.#due[0]
      if (next === undefined || next.atUs > end) break
      this.#due.shift()
      this.nowUs = next.atUs
      next.run()
    }
    if (Number.isFinite(end)) this.nowUs = end
  }

  after(delayUs: number, run: () => void): void {
    this.#due.push({ atUs: this.nowUs + delayUs, order: this.#order++, run })
  }

  tell(life: number, event: Event): boolean {
    const isThere = this.isUp && this.life === life
    if (isThere) this.told.push(event)
    return isThere
  }

  killAgent(): void {
    this.isUp = false
    this.disk.crash('kill', this.nowUs)
  }

  powerOff(): void {
    this.isUp = false
    this.disk.crash('powerOff', this.nowUs)
    this.runtime.clear()
  }

  startAgent(): void {
    this.isUp = true
    this.life++
  }

  send(to: MemberId): void {
    this.acts.push(`send ${to}`)
  }
  publish(): void {
    this.acts.push('publish')
  }
  keepLinks(): void {
    this.acts.push('keep-links')
  }
  provide(service: string): void {
    this.acts.push(`provide ${service}`)
  }
  withdraw(service: string): void {
    this.acts.push(`withdraw ${service}`)
  }
  reply(request: RequestId): void {
    this.acts.push(`reply ${request}`)
  }
  notify({ type }: Notification): void {
    this.acts.push(`notify ${type}`)
  }
  stopAgent(): void {
    this.acts.push('stop-agent')
  }
}
