/** Two runs on one page: their measures in a table, and their charts side by side. */
import { compareReports, differencesOf } from './comparison.ts'
import { html, type Markup } from './markup.ts'
import { htmlDocument, pill } from './page.ts'
import { distributionCards, timeCards } from './page-charts.ts'
import type { Report } from './report.ts'

export interface Named {
  readonly name: string
  readonly report: Report
}

export function comparisonPage(a: Named, b: Named): string {
  const rows = compareReports(a.report, b.report).map(
    (row) =>
      html`<tr><td>${row.measure}</td><td class="n">${row.a}</td><td class="n">${row.b}</td><td class="n ${row.verdict === 'better' ? 'good' : row.verdict === 'worse' ? 'bad' : ''}">${row.change}</td><td>${row.about}</td></tr>`,
  )
  const body = html`<header><div class="title"><h1>${a.name} and ${b.name}</h1></div>
<p class="facts">${differencesOf(a.report, b.report).map((text) => html`<span>${text}</span>`)}</p></header>
<section class="figures"></section>
<div class="card scroll"><table><tr><th></th><th class="n">${a.name}</th><th class="n">${b.name}</th><th class="n">change</th><th></th></tr>${rows}</table></div>
<section class="figures"></section>
<section class="grid">${paired(a, b)}</section>`
  return htmlDocument(`${a.name} and ${b.name}`, body)
}

function paired(a: Named, b: Named): Markup {
  const column = ({ name, report }: Named) =>
    html`<div><div class="title"><h2>${name}</h2> ${pill(report.verdict)}</div><code class="command">${report.command}</code>${timeCards(report)}${distributionCards(report)}</div>`
  return html`${column(a)}${column(b)}`
}
