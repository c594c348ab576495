/** Two runs on one page: their measures in a table, and their charts side by side. */
import { type ComparedRow, compareReports, differencesOf } from './comparison.ts'
import { element, html, type Markup } from './markup.ts'
import { htmlDocument, pill } from './page.ts'
import { distributionCards, timeCards } from './page-charts.ts'
import type { Report } from './report.ts'

export interface Named {
  readonly name: string
  readonly report: Report
}

export function comparisonPage(a: Named, b: Named): string {
  const rows = compareReports(a.report, b.report).map(rowOf)
  const heads = [a.name, b.name, 'change'].map((name) => element('th', { class: 'n' }, name))
  const differences = differencesOf(a.report, b.report)
  const body = html`<header><div class="title"><h1>${a.name} and ${b.name}</h1></div>
<p class="facts">${differences.map((text) => html`<span>${text}</span>`)}</p></header>
<section class="figures"></section>
<div class="card scroll"><table><tr><th></th>${heads}<th></th></tr>${rows}</table></div>
<section class="figures"></section>
<section class="grid">${columnOf(a)}${columnOf(b)}</section>`
  return htmlDocument(`${a.name} and ${b.name}`, body)
}

const tones = { better: 'good', worse: 'bad', same: '', other: '' }

function rowOf({ measure, about, a, b, change, verdict }: ComparedRow): Markup {
  const figures = [a, b].map((text) => element('td', { class: 'n' }, text))
  const changed = element('td', { class: `n ${tones[verdict]}` }, change)
  return html`<tr><td>${measure}</td>${figures}${changed}<td>${about}</td></tr>`
}

function columnOf({ name, report }: Named): Markup {
  return html`<div class="column">
<div class="title"><h2>${name}</h2>${pill(report.verdict)}</div>
<code class="command">${report.command}</code>
${timeCards(report)}${distributionCards(report)}
</div>`
}
