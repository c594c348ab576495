/** The map of the members by region and rack, over time; and what page.js needs to move it. */
import { html, type Markup } from './markup.ts'
import { shownLines, timeCharts } from './page-charts.ts'
import type { Report } from './report.ts'

/** A page of some MB is still opened by a phone: 200,000 marks of 15 B are 3 MB. */
const marksMax = 200_000

export function mapCard(report: Report): Markup {
  if (report.map.marks.length === 0) return html``
  return html`<div class="card wide" id="map"><h2>Members</h2>
<p class="sub">Each square is a member, in its rack and region;
move the slider through the run, or click a chart</p>
<p class="legend"></p>
<div class="player">
<button type="button" title="play">▶</button>
<input type="range" min="0" max="1000" value="0" aria-label="time"><output></output>
</div>
<div><canvas></canvas></div><p class="hover"></p></div>`
}

export function pageData(report: Report): object {
  const { map, simulatedUs, series } = report
  const marks = map.marks.slice(0, marksMax)
  return {
    endUs: simulatedUs,
    binUs: series.binUs,
    map: { ...map, marks },
    seen: [...new Set([0, ...marks.map(([, , condition]) => condition)])].sort((a, b) => a - b),
    worstUs: worstMoment(report),
    written: writtenValues(report),
  }
}

/** Where the map opens: when most members were not well, after the boot. */
function worstMoment({ map, phases, simulatedUs }: Report): number {
  const troubled = new Set<number>()
  let worst = { count: 0, atUs: simulatedUs }
  for (const [atUs, host, condition] of map.marks) {
    if (condition === 0) troubled.delete(host)
    else if (atUs >= (phases.bootUs ?? 0)) troubled.add(host)
    if (troubled.size > worst.count) worst = { count: troubled.size, atUs }
  }
  return worst.atUs
}

/** Of each series that is drawn: the text of each bin's value. */
function writtenValues(report: Report): { [series: string]: string[] } {
  const all: { [series: string]: string[] } = {}
  for (const card of timeCharts)
    for (const { series, scale } of shownLines(report, card))
      all[series] = (report.series.values[series] ?? []).map((value) =>
        card.write(scale(value, report)),
      )
  return all
}
