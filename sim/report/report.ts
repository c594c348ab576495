/** What is told of a run, as `report.json` holds it: the page, the table and the comparison are made of this alone. */
import type { Mark } from '../metrics/metrics.ts'
import type { Judged } from '../scenario/expectation.ts'
import type { MeasureName } from '../scenario/measure.ts'
import type { SeededScenario } from '../scenario.ts'

/** Raised when a reader of old reports would misread new ones. */
export const reportFormat = 1

export interface Report {
  readonly format: typeof reportFormat
  /** Does the same again. */
  readonly command: string
  readonly scenario: SeededScenario
  /** Where the load came from, when not from the scenario. */
  readonly credit: string | null
  readonly verdict: 'passed' | 'failed' | 'interrupted'
  readonly simulatedUs: number
  readonly wallMs: number
  readonly events: number
  readonly traceHash: string
  /** Ends of the phases; null for one that was not reached. */
  readonly phases: { readonly bootUs: number | null; readonly healedUs: number | null }
  /** Null: there was nothing to measure. */
  readonly measured: { readonly [name in MeasureName]: number | null }
  readonly expectations: readonly ReportedExpectation[]
  readonly promises: readonly ReportedPromise[]
  /** Knobs of the scenario that had no effect: each fails the run. */
  readonly idle: readonly string[]
  readonly faults: readonly ReportedFault[]
  readonly network: { readonly [count: string]: number }
  readonly series: {
    readonly binUs: number
    readonly values: { readonly [name: string]: readonly number[] }
  }
  /** [from, below, count], microseconds. */
  readonly histograms: { readonly [name: string]: readonly (readonly [number, number, number])[] }
  readonly deaths: readonly ReportedDeath[]
  readonly map: ReportedMap
}

export type ReportedExpectation = Omit<Judged, 'measured'> & { readonly measured: number | null }

export interface ReportedPromise {
  readonly name: string
  /** Open: the run ended before it could be seen. */
  readonly state: 'kept' | 'broken' | 'open'
  readonly findings: readonly string[]
}

export interface ReportedFault {
  readonly fault: string
  readonly strikes: number
  readonly struck: number
  readonly effect: number
}

export interface ReportedDeath {
  readonly host: string
  readonly atUs: number
  /** After the death; null when nobody knew before it was back. */
  readonly firstKnewUs: number | null
  readonly lastKnewUs: number | null
  readonly knew: number
  readonly others: number
}

export interface ReportedMap {
  /** Hosts by their index. */
  readonly racks: readonly {
    readonly name: string
    readonly region: string
    readonly hosts: readonly number[]
  }[]
  readonly conditions: readonly string[]
  /** [µs, host, condition's number], in order of time. */
  readonly marks: readonly Mark[]
}
