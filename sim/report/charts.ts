/**
 * Charts as inline SVG: lines over time and histograms over a logarithmic axis. Colours are classes, so that the
 * page's style decides them for light and dark, and sets the text larger on a phone, where the drawing is smaller.
 */
import { element, type Markup } from './markup.ts'
import { type Axis, logTicks, niceAxis, timeTicks } from './ticks.ts'

export interface Line {
  readonly name: string
  readonly values: readonly number[]
}

export interface TimeChart {
  readonly id: string
  readonly binUs: number
  readonly endUs: number
  readonly lines: readonly Line[]
  /** Upper end of the scale; left out, what the lines need. */
  readonly most?: number
  write(value: number): string
  /** Shaded: the times of the faults, and the ends of the phases. */
  readonly bands: readonly { readonly fromUs: number; readonly toUs: number }[]
  readonly ends: readonly { readonly atUs: number; readonly name: string }[]
}

const width = 640
const height = 200
const left = 64
const right = 8
const top = 20
const bottom = 24
const plotWidth = width - left - right
const plotHeight = height - top - bottom
/** What is faster than a 2,000th of the slowest is not told apart. */
const spanMost = 2000

export function timeChart(chart: TimeChart): Markup {
  const { lines, endUs, bands, ends, binUs } = chart
  const most = chart.most ?? Math.max(1e-9, ...lines.flatMap(({ values }) => values))
  const axis = niceAxis(most, chart.most !== undefined)
  const x = (us: number) => left + (plotWidth * us) / Math.max(1, endUs)
  const y = (value: number) => top + plotHeight * (1 - value / axis.max)
  const shades = bands.map(({ fromUs, toUs }) => {
    const wide = Math.max(1.5, x(toUs) - x(fromUs))
    return bar({ className: 'band', x: x(fromUs), wide, y: top, high: plotHeight })
  })
  const phases = ends.map(({ atUs, name }) => {
    const anchor = x(atUs) > left + 70 ? 'end' : 'start'
    const words = word({ className: 'phase-name', x: x(atUs), y: top - 7, anchor }, `◂ ${name}`)
    return [upright('phase', x(atUs)), words]
  })
  const paths = lines.map(({ values }, i) =>
    element('path', { class: `line c${i}`, d: pathOf(values, binUs, endUs, x, y) }),
  )
  const cursor = { class: 'cursor', y1: top, y2: top + plotHeight, visibility: 'hidden' }
  return element(
    'svg',
    {
      class: 'chart time',
      id: chart.id,
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'data-left': left,
      'data-width': plotWidth,
      'data-end': endUs,
    },
    shades,
    valueAxis(axis, y, chart.write),
    timeAxis(endUs, x),
    phases,
    paths,
    element('line', cursor),
  )
}

/** Each value stands for its bin, at the bin's middle. */
function pathOf(
  values: readonly number[],
  binUs: number,
  endUs: number,
  x: (us: number) => number,
  y: (value: number) => number,
): string {
  return values
    .map((value, bin) => {
      // What is beyond the scale runs along its upper edge.
      const at = Math.min(endUs, (bin + 0.5) * binUs)
      return `${bin === 0 ? 'M' : 'L'}${round(x(at))} ${round(y(value))}`
    })
    .join('')
}

function valueAxis(axis: Axis, y: (value: number) => number, write: (value: number) => string) {
  return axis.ticks.map((value) => {
    const at = round(y(value))
    const across = { class: 'grid', x1: left, x2: width - right, y1: at, y2: at }
    const words = { className: 'tick', x: left - 6, y: at + 4, anchor: 'end' }
    return [element('line', across), word(words, write(value))]
  })
}

function timeAxis(endUs: number, x: (us: number) => number) {
  return timeTicks(endUs).map(({ us, text }) => tickBelow(x(us), text))
}

function tickBelow(x: number, text: string): Markup {
  const isLast = x > width - 28
  const words = { className: 'tick', x: isLast ? width : x, y: height - 6 }
  return word({ ...words, anchor: isLast ? 'end' : 'middle' }, text)
}

interface Word {
  readonly className: string
  readonly x: number
  readonly y: number
  readonly anchor: string
}

function word({ className, x, y, anchor }: Word, text: string): Markup {
  return element('text', { class: className, x: round(x), y, 'text-anchor': anchor }, text)
}

/** A line from the top of the plot to its foot. */
function upright(className: string, x: number): Markup {
  const at = round(x)
  return element('line', { class: className, x1: at, x2: at, y1: top, y2: top + plotHeight })
}

interface Bar {
  readonly className: string
  readonly x: number
  readonly wide: number
  readonly y: number
  readonly high: number
}

function bar({ className, x, wide, y, high }: Bar, ...children: readonly Markup[]): Markup {
  const box = { x: round(x), y: round(y), width: round(wide), height: round(high) }
  return element('rect', { class: className, ...box }, children)
}

export interface HistogramChart {
  readonly buckets: readonly (readonly [number, number, number])[]
  /** Drawn across: an expectation's bound, a percentile. */
  readonly marks: readonly { readonly at: number; readonly name: string }[]
  write(value: number): string
}

/** Bars over a logarithmic axis, as high as the share of all that lies in them. */
export function histogramChart({ buckets, marks, write }: HistogramChart): Markup {
  const total = buckets.reduce((sum, [, , count]) => sum + count, 0)
  const bars = merged(buckets)
  const high = Math.max(2, bars.at(-1)?.[1] ?? 2, ...marks.map(({ at }) => at * 1.1))
  const low = Math.max(1, bars[0]?.[0] ?? 1, high / spanMost)
  const span = Math.log(high / low)
  const x = (value: number) => left + (plotWidth * Math.log(Math.max(low, value) / low)) / span
  const axis = niceAxis(Math.max(...bars.map(([, , count]) => count / total), 0.001) * 100, false)
  const y = (percent: number) => top + plotHeight * (1 - percent / axis.max)
  const drawn = bars.map(([from, below, count]) => {
    if (below <= low) return ''
    const share = (100 * count) / total
    const wide = Math.max(1, x(below) - x(from) - 1)
    const told = `${write(from)} – ${write(below)}: ${count} (${share.toFixed(1)} %)`
    const box = { x: x(from), wide, y: y(share), high: top + plotHeight - y(share) }
    return bar({ className: 'bar', ...box }, element('title', {}, told))
  })
  const lines = marks.map(({ at, name }, i) => {
    const anchor = x(at) > width * 0.7 ? 'end' : 'start'
    const beside = x(at) + (anchor === 'end' ? -4 : 4)
    const words = { className: 'mark-name', x: beside, y: top + 12 + 17 * i, anchor }
    return [upright('mark', x(at)), word(words, name)]
  })
  const ticks = logTicks(low, high).map((value) => tickBelow(x(value), write(value)))
  return element(
    'svg',
    { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img' },
    valueAxis(axis, y, (value) => `${value} %`),
    ticks,
    drawn,
    lines,
  )
}

/** As fine as a screen shows: sixteenths of a power of two where there are few powers, quarters where many. */
function merged(buckets: readonly (readonly [number, number, number])[]) {
  const powers = Math.log2((buckets.at(-1)?.[1] ?? 2) / Math.max(1, buckets[0]?.[0] ?? 1))
  const parts = powers <= 3 ? 16 : powers <= 6 ? 8 : 4
  const bars: [number, number, number][] = []
  for (const [from, below, count] of buckets) {
    const power = 2 ** Math.floor(Math.log2(Math.max(1, from)))
    const width = power / parts
    const start = power + Math.floor((Math.max(1, from) - power) / width) * width
    const last = bars.at(-1)
    if (last !== undefined && last[0] === start) last[2] += count
    else bars.push([start, Math.max(below, start + width), count])
  }
  return bars
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
