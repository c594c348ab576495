/** `starling sim compare A B`: two reports beside each other, as a table and, with --report, as a page. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareReports, differencesOf } from '../report/comparison.ts'
import { comparisonPage } from '../report/comparison-page.ts'
import { type Report, reportFormat } from '../report/report.ts'
import { aligned } from '../report/table.ts'
import { ScenarioProblem } from '../scenario/file.ts'
import type { Flags } from './flags.ts'
import { UsageError } from './usage.ts'

export function compareCommand({ words, json, report: folder }: Flags): number {
  const [, first, second, more] = words
  if (first === undefined || second === undefined || more !== undefined)
    throw new UsageError('compare needs two reports: folders of --report, or report.json files')
  const [a, b] = [readReport(first), readReport(second)]
  const rows = compareReports(a, b)
  if (json) process.stdout.write(`${JSON.stringify(rows)}\n`)
  else {
    const marks = { better: '✓ better', worse: '✗ worse', same: '', other: '' }
    const cells = rows.map((row) => [row.measure, row.a, row.b, row.change, marks[row.verdict]])
    for (const difference of differencesOf(a, b)) process.stdout.write(`${difference}\n`)
    process.stdout.write(`\n${aligned([['', first, second, 'change', ''], ...cells])}\n`)
  }
  if (folder === undefined) return 0
  mkdirSync(folder, { recursive: true })
  const page = join(folder, 'compare.html')
  writeFileSync(page, comparisonPage({ name: first, report: a }, { name: second, report: b }))
  if (!json) process.stdout.write(`\nreport   ${page}\n`)
  return 0
}

function readReport(path: string): Report {
  try {
    const file = statSync(path).isDirectory() ? join(path, 'report.json') : path
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report
    if (report.format === reportFormat) return report
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ScenarioProblem(
      path,
      undefined,
      code === 'ENOENT' ? 'there is no such report' : 'cannot be read as a report',
    )
  }
  throw new ScenarioProblem(path, undefined, `is not a report of format ${reportFormat}`)
}
