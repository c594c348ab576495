/**
 * A report as one page: nothing is loaded from anywhere, so that it can be kept, sent and opened on a phone. The
 * charts are drawn here; page.js only moves the cursor and the map.
 */
import { readFileSync } from 'node:fs'
import { writeScenario } from '../scenario/file.ts'
import { grouped, measures, written, writtenDuration } from '../scenario/measure.ts'
import { html, jsonMarkup, Markup } from './markup.ts'
import { distributionCards, timeCards } from './page-charts.ts'
import { mapCard, pageData } from './page-map.ts'
import { deathsCard, faultsCard, figureCards, promisesCard } from './page-tables.ts'
import type { Report } from './report.ts'

export function pageOf(report: Report): string {
  const { scenario } = report
  return htmlDocument(
    `${scenario.name} · seed ${scenario.seed}`,
    html`${head(report)}
<section class="figures">${figureCards(report)}</section>
<section class="grid">
${promisesCard(report)}${faultsCard(report)}
${timeCards(report)}${distributionCards(report)}
${mapCard(report)}${deathsCard(report)}
</section>
${foot(report)}
<script type="application/json" id="data">${jsonMarkup(pageData(report))}</script>
<script>${new Markup(asset('page.js'))}</script>`,
  )
}

/** The frame of every page of ours. */
export function htmlDocument(title: string, body: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(asset('page.css'))}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.text
}

function asset(name: string): string {
  return readFileSync(new URL(`./${name}`, import.meta.url), 'utf8')
}

const pills = { passed: 'good', failed: 'bad', interrupted: 'warn' } as const

export function pill(verdict: Report['verdict']): Markup {
  return html`<span class="pill ${pills[verdict]}">${verdict}</span>`
}

function head({ scenario, verdict, command, simulatedUs, wallMs, events, credit }: Report): Markup {
  const rate = simulatedUs / 1000 / Math.max(1, wallMs)
  const facts: [string, string][] = [
    [grouped(scenario.members.count), 'members'],
    [String(scenario.seed), 'seed'],
    [writtenDuration(simulatedUs), 'simulated'],
    [writtenDuration(wallMs * 1000), 'on the clock'],
    [`${rate.toPrecision(2)}×`, 'real time'],
    [grouped(events), 'events'],
  ]
  return html`<header>
<div class="title"><h1>${scenario.name}</h1>${pill(verdict)}</div>
<p class="about">${scenario.about}</p>
<p class="facts">${facts.map(([value, name]) => html`<span><b>${value}</b> ${name}</span>`)}</p>
${credit !== null && html`<p class="facts"><span>${credit}</span></p>`}
<code class="command">${command}</code>
</header>`
}

function foot(report: Report): Markup {
  const rows = Object.entries(report.measured).flatMap(([name, value]) => {
    if (value === null) return []
    const { unit, about } = measures[name as keyof typeof measures]
    return [
      html`<tr><td>${name}</td><td class="n">${written(unit, value)}</td><td>${about}</td></tr>`,
    ]
  })
  return html`<details><summary>All measures</summary><div class="card scroll"><table>${rows}</table></div></details>
<details><summary>The scenario</summary><pre class="card">${writeScenario(report.scenario)}</pre></details>
<footer>Trace hash <code>${report.traceHash}</code>: the same command gives the same run.</footer>`
}
