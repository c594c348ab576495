/**
 * Who died when, and when the others knew: recorded as it happens, from the hosts on one side and from what their
 * agents notice on the other. A death that is noticed of a member that lives and can be reached is false.
 *
 * News of an earlier death may arrive after the dead has come back, and a healed partition's deaths were true on
 * their side: within `lateUs` of either such news is late, not false.
 */
import { metricLimits } from '../limits.ts'
import { Histogram } from './histogram.ts'

export interface Death {
  readonly host: number
  readonly atUs: number
  /** Members that were up then, without the dead one. */
  readonly others: number
  firstKnewUs: number | undefined
  lastKnewUs: number | undefined
  knew: number
}

/** An unheard-of member is suspected for 10 s and its table travels for as long again. */
const lateUs = 20_000_000

export class Deaths {
  readonly all: Death[] = []
  /** Deaths beyond the limit are counted, not kept. */
  dropped = 0
  /** From the death to the moment that each other member knew. */
  readonly detection = new Histogram()
  /** Times that somebody was the first to hold a living member for dead. */
  falseDeaths = 0
  late = 0
  readonly #current: (Death | undefined)[] = []
  readonly #startedUs: number[] = []
  readonly #falseUs: number[] = []
  /** The last time that a partition was healed or a host could be reached again. */
  healedUs = Number.NEGATIVE_INFINITY

  started(host: number, nowUs: number): void {
    this.#current[host] = undefined
    this.#startedUs[host] = nowUs
  }

  died(host: number, others: number, nowUs: number): void {
    const death: Death = {
      host,
      atUs: nowUs,
      others,
      firstKnewUs: undefined,
      lastKnewUs: undefined,
      knew: 0,
    }
    this.#current[host] = death
    if (this.all.length < metricLimits.deaths) this.all.push(death)
    else this.dropped++
  }

  /**
   * An observer's agent now holds `subject` for down; `isReachable` when it lives and the two hear each other. Who
   * was not there when the subject died did not detect its death, but was told of it when it came.
   */
  noticed(observer: number, subject: number, isReachable: boolean, nowUs: number): void {
    const death = this.#current[subject]
    if (death !== undefined) {
      if ((this.#startedUs[observer] ?? 0) > death.atUs) return
      death.firstKnewUs ??= nowUs
      death.lastKnewUs = nowUs
      death.knew++
      this.detection.add(nowUs - death.atUs)
    } else if (isReachable) this.#held(subject, nowUs)
  }

  #held(subject: number, nowUs: number): void {
    const since = Math.max(this.#startedUs[subject] ?? 0, this.healedUs)
    if (nowUs - since < lateUs) {
      this.late++
      return
    }
    // The others follow the first within seconds: one false death, however many believed it.
    const before = this.#falseUs[subject] ?? Number.NEGATIVE_INFINITY
    this.#falseUs[subject] = nowUs
    if (nowUs - before >= lateUs) this.falseDeaths++
  }
}
