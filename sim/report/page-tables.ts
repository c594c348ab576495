/** The parts of the page that are words and figures: the key figures, promises, faults, deaths. */
import {
  grouped,
  type MeasureName,
  measures,
  written,
  writtenDuration,
} from '../scenario/measure.ts'
import { element, html, type Markup, type Part } from './markup.ts'
import type { Report, ReportedPromise } from './report.ts'
import { promiseText } from './table.ts'

/** More are in report.json. */
const deathsMax = 15
const findingsMax = 5

interface Figure {
  readonly label: string
  readonly measure: MeasureName
  readonly note?: readonly [MeasureName, string]
}

const figures: readonly Figure[] = [
  { label: 'Detection, p99', measure: 'detection.p99', note: ['detection.p50', 'half within'] },
  { label: 'False deaths', measure: 'falseDeaths', note: ['deaths', 'real deaths'] },
  { label: 'Delivery, p99', measure: 'delivery.p99', note: ['delivery.p50', 'half within'] },
  { label: 'Slots running', measure: 'running', note: ['running.least', 'at the worst'] },
  { label: 'Job placed, p99', measure: 'placement.p99', note: ['placement.p50', 'half within'] },
  { label: 'At rest after repair', measure: 'converged', note: ['boot', 'boot took'] },
  { label: 'Messages a member·s', measure: 'messages', note: ['bytes', 'bytes'] },
  { label: 'CPU given, most', measure: 'utilisation.cpu', note: ['utilisation.memory', 'memory'] },
]

export function figureCards(report: Report): Markup[] {
  return figures.flatMap(({ label, measure, note }) => {
    if (report.measured[measure] === null) return []
    const expected = report.expectations.filter((each) => each.measure === measure)
    const tone = expected.length === 0 ? '' : expected.every((each) => each.passed) ? 'good' : 'bad'
    const noted = note !== undefined && report.measured[note[0]] !== null
    const words = noted ? `${note[1]} ${shownValue(report, note[0])}` : ''
    return [
      html`<div class="card figure">
<p class="label">${label}</p>
<p class="value ${tone}">${shownValue(report, measure)}</p>
<p class="note">${words}</p>
</div>`,
    ]
  })
}

function shownValue(report: Report, measure: MeasureName): string {
  return written(measures[measure].unit, report.measured[measure] ?? undefined)
}

function sign(isGood: boolean): Markup {
  return element('td', { class: `sign ${isGood ? 'good' : 'bad'}` }, isGood ? '✓' : '✗')
}

/** Numbers stand at the right. */
function figure(text: Part): Markup {
  return element('td', { class: 'n' }, text)
}

function heads(names: readonly string[], numbers: readonly string[]): Markup {
  return html`<tr>${names.map((name) => element('th', {}, name))}${numbers.map((name) =>
    element('th', { class: 'n' }, name),
  )}</tr>`
}

export function promisesCard(report: Report): Markup {
  const expectations = report.expectations.map(({ text, passed, measure }) => {
    const value = figure(shownValue(report, measure))
    return html`<tr>${sign(passed)}<td><code>${text}</code></td>${value}</tr>`
  })
  const idle = report.idle.map(
    (knob) => html`<tr>${sign(false)}<td colspan="2">no effect: ${knob}</td></tr>`,
  )
  return html`<div class="card"><h2>Promises and expectations</h2>
<p class="sub">What must always hold, and what this scenario expects</p>
<table>${report.promises.map(promiseRow)}${expectations}${idle}</table></div>`
}

function promiseRow({ name, state, findings }: ReportedPromise): Markup {
  const more = findings.length - findingsMax
  const shown = findings.slice(0, findingsMax)
  if (more > 0) shown.push(`and ${more} more`)
  const lines = shown.map((text) => element('span', { class: 'finding' }, text))
  const label = name === 'members' ? '' : `${name}: `
  const mark = state === 'open' ? html`<td class="sign">·</td>` : sign(state === 'kept')
  const word = figure(state === 'open' ? 'not seen' : state)
  return html`<tr>${mark}<td>${label}${promiseText(name)}${lines}</td>${word}</tr>`
}

export function faultsCard({ faults, network }: Report): Markup {
  const rows = faults.map(({ fault, strikes, struck, effect }) => {
    const figures = [strikes, struck, effect].map((count) => figure(grouped(count)))
    return html`<tr>${sign(effect > 0)}<td>${fault}</td>${figures}</tr>`
  })
  const names = heads(['', 'fault'], ['strikes', 'members', 'effect'])
  const counts = Object.entries(network).filter(([, count]) => count > 0)
  const facts = counts.map(([name, count]) => html`<span><b>${grouped(count)}</b> ${name}</span>`)
  const table =
    rows.length === 0
      ? html`<p class="empty">Nothing was broken in this scenario.</p>`
      : html`<table>${names}${rows}</table>`
  return html`<div class="card"><h2>Faults</h2>
<p class="sub">What was broken, how often, and what would not have happened without it</p>
${table}<p class="facts">${facts}</p></div>`
}

export function deathsCard({ deaths }: Report): Markup {
  if (deaths.length === 0) return html``
  const slowest = [...deaths]
    .sort((a, b) => (b.lastKnewUs ?? 0) - (a.lastKnewUs ?? 0))
    .slice(0, deathsMax)
  const time = (us: number | null) => figure(us === null ? '–' : writtenDuration(us))
  const rows = slowest.map((death) => {
    const times = [death.atUs, death.firstKnewUs, death.lastKnewUs].map(time)
    const knew = figure(`${grouped(death.knew)} of ${grouped(death.others)}`)
    return html`<tr><td>${death.host}</td>${times}${knew}</tr>`
  })
  const names = heads(['member'], ['died at', 'first knew after', 'last knew after', 'knew'])
  return html`<div class="card wide"><h2>Deaths</h2>
<p class="sub">The ${slowest.length} of ${deaths.length} that took longest to be known;
a member that came back soon was not missed by all</p>
<div class="scroll"><table>${names}${rows}</table></div></div>`
}
