/** The page: made of the report alone, nothing loaded from elsewhere, nothing that a name could break. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareReports } from '../../../sim/report/comparison.ts'
import { comparisonPage } from '../../../sim/report/comparison-page.ts'
import { pageOf } from '../../../sim/report/page.ts'
import type { Report } from '../../../sim/report/report.ts'
import { summarise } from '../../../sim/report/summary.ts'
import { reportTable } from '../../../sim/report/table.ts'
import { drawScenario, Run } from '../../../sim/scenario.ts'

const page = suite('sim/report/page')

let report: Report
page.before(() => {
  const drawn = drawScenario(4, { membersMin: 6, membersMax: 9 })
  const run = new Run({ ...drawn, start: 'warm', durations: { ...drawn.durations, safety: '8s' } })
  for (const _ of run.steps());
  const told = summarise(run, { command: 'starling sim --seed 4', wallMs: 1000, credit: null })
  // As it comes from the file.
  report = JSON.parse(JSON.stringify(told)) as Report
})

page('loads nothing from anywhere', () => {
  const text = pageOf(report)
  assert.not.match(text, /\b(src|href|action)=/)
  assert.not.match(text, /https?:|@import|url\(|import\(/)
})

page('its elements are closed and its data can be read', () => {
  const text = pageOf(report)
  for (const tag of ['div', 'table', 'svg', 'section', 'p', 'span', 'script', 'style', 'tr'])
    assert.is(
      text.split(`<${tag}`).filter((part, i) => i > 0 && /^[\s>]/.test(part)).length,
      text.split(`</${tag}>`).length - 1,
      tag,
    )
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(text)![1]!
  const { map, endUs } = JSON.parse(data)
  assert.is(endUs, report.simulatedUs)
  const shown = map.racks.flatMap((rack: { hosts: number[] }) => rack.hosts)
  const marked = new Set(map.marks.map(([, host]: [number, number]) => host))
  assert.is(shown.length, marked.size)
})

page('no number is broken', () => {
  const text = pageOf(report).replace(/<script[\s\S]*$/, '')
  assert.not.match(text, /NaN|Infinity|undefined|\[object/)
})

page('what a person wrote is text, not markup', () => {
  const about = '<script>alert("x")</script> & more'
  const text = pageOf({ ...report, scenario: { ...report.scenario, about } })
  assert.not.match(text, '<script>alert')
  assert.match(text, '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; more')
})

page('a report of nothing is a page and a table too', () => {
  const none = Object.fromEntries(Object.keys(report.measured).map((name) => [name, null]))
  const empty: Report = {
    ...report,
    measured: none as Report['measured'],
    histograms: {},
    series: { binUs: 250_000, values: {} },
    deaths: [],
    faults: [],
    map: { ...report.map, marks: [] },
  }
  assert.match(pageOf(empty), 'Nothing was broken')
  assert.match(reportTable(empty), 'starling sim --seed 4')
})

page('a report compared with itself is the same everywhere, with a worse one it is not', () => {
  assert.ok(
    compareReports(report, report).every(
      ({ verdict, change }) => verdict === 'same' && change === '',
    ),
  )
  const worse = { ...report, measured: { ...report.measured, falseDeaths: 3, boot: 60_000_000 } }
  const rows = compareReports(report, worse)
  const verdictOf = (name: string) => rows.find(({ measure }) => measure === name)?.verdict
  assert.equal([verdictOf('falseDeaths'), verdictOf('boot')], ['worse', 'worse'])
  assert.is(
    compareReports(worse, report).find(({ measure }) => measure === 'boot')?.verdict,
    'better',
  )
  const text = comparisonPage({ name: 'a', report }, { name: 'b', report: worse })
  assert.not.match(text, /\b(src|href)=|https?:/)
})

page.run()
