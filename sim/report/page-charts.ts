/** Which charts a report shows: what happened over time, and how detection and delivery are distributed. */
import { grouped, writtenDuration } from '../scenario/measure.ts'
import { durationUs } from '../scenario/quantity.ts'
import { histogramChart, timeChart } from './charts.ts'
import { html, type Markup } from './markup.ts'
import type { Report } from './report.ts'

export interface ShownLine {
  /** Of the report's series. */
  readonly series: string
  readonly name: string
  /** From the sampled number to the one that is drawn. */
  scale(value: number, report: Report): number
}

interface Card {
  readonly id: string
  readonly title: string
  readonly about: string
  readonly lines: readonly ShownLine[]
  readonly most?: number
  write(value: number): string
}

const percent = (value: number) => `${Number(value.toFixed(1))} %`
const ofMillion = (value: number) => value / 10_000
const same = (value: number) => value

/** Of a flow in a bin: a member's share of it in a second. */
function each(value: number, { scenario, series }: Report): number {
  return value / (scenario.members.count * (series.binUs / 1_000_000))
}

export const timeCharts: readonly Card[] = [
  {
    id: 'agreement',
    title: 'Convergence',
    about:
      'Of the members asked: who sees exactly those that are up, who holds the common state; and slots running',
    lines: [
      { series: 'sighted', name: 'see who is up', scale: ofMillion },
      { series: 'agreed', name: 'hold the common state', scale: ofMillion },
      { series: 'running', name: 'slots running', scale: ofMillion },
    ],
    most: 100,
    write: percent,
  },
  {
    id: 'up',
    title: 'Members and tasks',
    about: 'Agents that are up, and tasks that run',
    lines: [
      { series: 'up', name: 'members up', scale: same },
      { series: 'tasks', name: 'tasks running', scale: same },
    ],
    write: (value) => grouped(value),
  },
  {
    id: 'messages',
    title: 'Messages',
    about: 'Sent by a member in a second',
    lines: [{ series: 'messages', name: 'messages', scale: each }],
    write: (value) => String(Number(value.toPrecision(3))),
  },
  {
    id: 'bytes',
    title: 'Bytes',
    about: 'Sent by a member in a second',
    lines: [{ series: 'bytes', name: 'bytes', scale: each }],
    write: byteText,
  },
  {
    id: 'utilisation',
    title: 'Utilisation',
    about: 'Of all that the machines have, given to tasks that run',
    lines: [
      { series: 'cpu', name: 'CPU', scale: ofMillion },
      { series: 'memory', name: 'memory', scale: ofMillion },
      { series: 'gpu', name: 'GPUs', scale: ofMillion },
    ],
    most: 100,
    write: percent,
  },
]

function byteText(value: number): string {
  if (value < 1000) return `${Math.round(value)} B`
  if (value < 1_000_000) return `${Number((value / 1000).toPrecision(3))} kB`
  return `${Number((value / 1_000_000).toPrecision(3))} MB`
}

/** Lines that never left zero say nothing. */
export function shownLines(report: Report, { lines }: Card): ShownLine[] {
  return lines.filter(({ series }) => report.series.values[series]?.some((value) => value > 0))
}

export function timeCards(report: Report): Markup[] {
  return timeCharts.flatMap((card) => {
    const lines = shownLines(report, card)
    if (lines.length === 0) return []
    const drawn = lines.map(({ series, name, scale }) => {
      const values = report.series.values[series] ?? []
      return { name, values: values.map((value) => scale(value, report)) }
    })
    const keys = lines.map(
      ({ series, name }, i) =>
        html`<span><i class="swatch c${i}"></i>${name}<b data-series="${series}"></b></span>`,
    )
    const chart = timeChart({
      id: card.id,
      binUs: report.series.binUs,
      endUs: report.simulatedUs,
      lines: drawn,
      ...mostOf(card, drawn, report),
      write: card.write,
      bands: faultTimes(report),
      ends: phaseEnds(report),
    })
    return [
      html`<div class="card"><h2>${card.title}</h2><p class="sub">${card.about}</p>
<p class="legend" data-of="${card.id}">${keys}</p>${chart}</div>`,
    ]
  })
}

/** The boot may dwarf all that follows: then the scale is that of the rest. */
function mostOf(
  card: Card,
  lines: readonly { readonly values: readonly number[] }[],
  { phases, series }: Report,
): { most?: number } {
  if (card.most !== undefined) return { most: card.most }
  const bootBins = Math.ceil((phases.bootUs ?? 0) / series.binUs)
  const later = Math.max(0, ...lines.flatMap(({ values }) => values.slice(bootBins)))
  const boot = Math.max(0, ...lines.flatMap(({ values }) => values.slice(0, bootBins)))
  return later > 0 && boot > 3 * later ? { most: later * 1.15 } : {}
}

function phaseEnds({ phases }: Report): { atUs: number; name: string }[] {
  const ends = [
    { atUs: phases.bootUs, name: 'boot' },
    { atUs: phases.healedUs, name: 'faults and load' },
  ]
  return ends.flatMap(({ atUs, name }) => (atUs === null ? [] : [{ atUs, name }]))
}

/** When somebody was not well: from the first mark of trouble to the last mark of its end. */
function faultTimes({ map, simulatedUs, phases }: Report): { fromUs: number; toUs: number }[] {
  const bootUs = phases.bootUs ?? simulatedUs
  const troubled = new Set<number>()
  const times: { fromUs: number; toUs: number }[] = []
  let sinceUs: number | undefined
  for (const [atUs, host, condition] of map.marks) {
    if (atUs < bootUs) continue
    if (condition === 0) troubled.delete(host)
    else troubled.add(host)
    if (troubled.size > 0) sinceUs ??= atUs
    else if (sinceUs !== undefined) {
      times.push({ fromUs: sinceUs, toUs: atUs })
      sinceUs = undefined
    }
  }
  if (sinceUs !== undefined) times.push({ fromUs: sinceUs, toUs: simulatedUs })
  return times
}

export function distributionCards(report: Report): Markup[] {
  const cards: [string, string, string, string][] = [
    [
      'detection',
      'Detection of deaths',
      'From a death to each other member knowing it',
      'detection',
    ],
    [
      'delivery',
      'Delivery of broadcasts',
      'From publishing to the first copy at each member',
      'delivery',
    ],
    [
      'placement',
      'Placement of jobs',
      'From the acknowledgement to all slots running',
      'placement',
    ],
  ]
  return cards.flatMap(([histogram, title, about, prefix]) => {
    const buckets = report.histograms[histogram] ?? []
    if (buckets.length === 0) return []
    const chart = histogramChart({
      buckets,
      marks: marksOf(report, prefix),
      write: writtenDuration,
    })
    return [html`<div class="card"><h2>${title}</h2><p class="sub">${about}</p>${chart}</div>`]
  })
}

function marksOf({ measured, expectations }: Report, prefix: string) {
  const named = Object.entries(measured).flatMap(([name, value]) => {
    const [of, quantile] = name.split('.')
    if (of !== prefix || value === null || value <= 0 || quantile === 'max') return []
    return [{ at: value, name: `${quantile} ${writtenDuration(value)}` }]
  })
  const bounds = expectations.flatMap(({ measure, text }) => {
    const bound = /([0-9.]+(?:us|ms|s|m|h))$/.exec(text)?.[1]
    if (!measure.startsWith(`${prefix}.`) || bound === undefined) return []
    return [{ at: durationUs(bound), name: `expected ${text.slice(text.search(/[<>=]/))}` }]
  })
  return [...named, ...bounds]
}
