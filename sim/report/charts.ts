/**
 * Charts as inline SVG: lines over time and histograms over a logarithmic axis. Colours are classes, so that the
 * page's style decides them for light and dark, and sets the text larger on a phone, where the drawing is smaller.
 */
import { html, type Markup } from './markup.ts'
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
    return html`<rect class="band" x="${round(x(fromUs))}" y="${top}" width="${round(wide)}" height="${plotHeight}"/>`
  })
  const phases = ends.map(({ atUs, name }) => {
    const at = round(x(atUs))
    const hasRoom = at > left + 70
    return html`<line class="phase" x1="${at}" x2="${at}" y1="${top}" y2="${top + plotHeight}"/><text class="phase-name" x="${at}" y="${top - 7}" text-anchor="${hasRoom ? 'end' : 'start'}">◂ ${name}</text>`
  })
  const paths = lines.map(
    ({ values }, i) => html`<path class="line c${i}" d="${pathOf(values, binUs, endUs, x, y)}"/>`,
  )
  return html`<svg class="chart time" id="${chart.id}" viewBox="0 0 ${width} ${height}" role="img" data-left="${left}" data-width="${plotWidth}" data-end="${endUs}">
${shades}${valueAxis(axis, y, chart.write)}${timeAxis(endUs, x)}${phases}${paths}<line class="cursor" y1="${top}" y2="${top + plotHeight}" visibility="hidden"/></svg>`
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
    return html`<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/><text class="tick" x="${left - 6}" y="${at + 4}" text-anchor="end">${write(value)}</text>`
  })
}

function timeAxis(endUs: number, x: (us: number) => number) {
  return timeTicks(endUs).map(
    ({ us, text }) =>
      html`<text class="tick" x="${round(x(us))}" y="${height - 6}" text-anchor="middle">${text}</text>`,
  )
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
    const at = x(from)
    if (below <= low) return ''
    const share = (100 * count) / total
    const wide = Math.max(1, x(below) - at - 1)
    return html`<rect class="bar" x="${round(at)}" y="${round(y(share))}" width="${round(wide)}" height="${round(top + plotHeight - y(share))}"><title>${write(from)} – ${write(below)}: ${count} (${share.toFixed(1)} %)</title></rect>`
  })
  const lines = marks.map(({ at, name }, i) => {
    const across = round(x(at))
    const anchor = across > width * 0.7 ? 'end' : 'start'
    return html`<line class="mark" x1="${across}" x2="${across}" y1="${top}" y2="${top + plotHeight}"/><text class="mark-name" x="${across + (anchor === 'end' ? -4 : 4)}" y="${top + 12 + 17 * i}" text-anchor="${anchor}">${name}</text>`
  })
  const ticks = logTicks(low, high).map(
    (value) =>
      html`<text class="tick" x="${round(x(value))}" y="${height - 6}" text-anchor="middle">${write(value)}</text>`,
  )
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img">${valueAxis(axis, y, (value) => `${value} %`)}${ticks}${drawn}${lines}</svg>`
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
