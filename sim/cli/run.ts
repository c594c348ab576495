/** `starling sim`: runs, with the progress on standard error and what came of it on standard output. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { breakAgain, breakOf } from '../broken-run.ts'
import { FlightRecorder } from '../flight-recorder.ts'
import { pageOf } from '../report/page.ts'
import type { Report } from '../report/report.ts'
import { summarise } from '../report/summary.ts'
import { reportLine, reportTable } from '../report/table.ts'
import type { Run } from '../scenario.ts'
import { type BreakContext, brokenRun } from './broken.ts'
import type { Flags } from './flags.ts'
import { Progress, type Screen } from './progress.ts'
import { type Recorded, recordedCluster } from './recorded.ts'
import { SeedPool } from './seed-pool.ts'
import { commandOf, runOf } from './seed-run.ts'
import { UsageError } from './usage.ts'

/** A step of the run takes about this long, so that the bar moves and Ctrl-C is heard. */
const stepMs = 80
const stepUsMin = 1000
const stepUsMax = 250_000
const interruptedCode = 130
const signals = ['SIGINT', 'SIGTERM'] as const

export async function runCommand(flags: Flags): Promise<number> {
  if (flags.words.length > (flags.trace === undefined ? 0 : 1))
    throw new UsageError(`there is no command ${flags.words.at(-1)}`)
  const interrupt = new Interrupt()
  if (flags.workers > 1 && flags.seeds > 1)
    return runInWorkers(flags, interrupt).finally(() => interrupt.end())
  const recorded = recordedCluster(flags)
  let code = 0
  for (let seed = flags.seed; seed < flags.seed + flags.seeds; seed++) {
    const report = await runSeed(flags, seed, interrupt, recorded)
    if (report.verdict === 'interrupted') return interruptedCode
    if (report.verdict === 'failed') code = 1
  }
  interrupt.end()
  return code
}

/** Ctrl-C, and what a service manager sends: heard after each step; the second one does not wait for it. */
class Interrupt {
  isRequested = false
  readonly #heard = () => {
    if (this.isRequested) process.exit(interruptedCode)
    this.isRequested = true
  }

  constructor() {
    for (const signal of signals) process.on(signal, this.#heard)
  }

  end(): void {
    for (const signal of signals) process.off(signal, this.#heard)
  }
}

async function runSeed(
  flags: Flags,
  seed: number,
  interrupt: Interrupt,
  recorded?: Recorded,
): Promise<Report> {
  const isSingle = flags.seeds === 1
  const trace = flags.events ? (line: string) => process.stdout.write(`${line}\n`) : undefined
  const run = runOf(flags, seed, { recorded, ...(trace && { trace }) })
  // Of a scenario that cannot be read nothing is to be replayed.
  if (isSingle) (flags.json ? process.stderr : process.stdout).write(`seed ${seed}\n`)
  const startedAt = performance.now()
  const recorder = flags.record === undefined ? undefined : recordMember(run, flags.record, seed)
  try {
    await drive(run, new Progress(run, standardError, () => performance.now()), interrupt)
  } catch (error) {
    const found = breakOf(run.simulator, error)
    throw found === undefined ? error : brokenRun(found, contextOf(flags, seed, recorded))
  } finally {
    recorder?.close()
  }
  const report = summarise(run, {
    command: commandOf(flags, seed),
    wallMs: performance.now() - startedAt,
    credit: recorded?.credit ?? null,
  })
  show(report, seed, flags)
  return report
}

function contextOf(flags: Flags, seed: number, recorded: Recorded | undefined): BreakContext {
  return {
    again: (host, recorder) => breakAgain(runOf(flags, seed, { recorded }), host, recorder),
    command: commandOf(flags, seed),
    seed,
    folder: flags.report ?? '.',
  }
}

function recordMember({ simulator }: Run, name: string, seed: number): FlightRecorder {
  const host = simulator.hosts.find((each) => each.name === name)
  if (host === undefined) throw new UsageError(`--record: there is no member ${name}`)
  const recorder = new FlightRecorder(`${name}-seed-${seed}.record`)
  simulator.recorders.set(host.index, recorder)
  return recorder
}

function show(report: Report, seed: number, flags: Flags): void {
  const isSingle = flags.seeds === 1
  if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(isSingle ? reportTable(report) : reportLine(report))
  if (flags.report !== undefined)
    writeReport(isSingle ? flags.report : join(flags.report, `seed-${seed}`), report, flags.json)
}

/** One seed a worker at a time; told in the order of the seeds. */
async function runInWorkers(flags: Flags, interrupt: Interrupt): Promise<number> {
  let code = 0
  const pool = new SeedPool(flags)
  for await (const { seed, report, found } of pool.reports()) {
    if (report === undefined) {
      await pool.end()
      throw brokenRun(found, contextOf(flags, seed, recordedCluster(flags)))
    }
    show(report, seed, flags)
    if (report.verdict === 'failed') code = 1
    if (interrupt.isRequested) break
  }
  await pool.end()
  return interrupt.isRequested ? interruptedCode : code
}

/** To its end or to the interrupt. */
async function drive(run: Run, progress: Progress, interrupt: Interrupt): Promise<void> {
  const steps = run.steps()
  for (;;) {
    const startedAt = performance.now()
    if (steps.next().done) break
    const tookMs = Math.max(0.1, performance.now() - startedAt)
    const factor = Math.min(2, Math.max(0.25, stepMs / tookMs))
    run.stepUs = Math.min(stepUsMax, Math.max(stepUsMin, run.stepUs * factor))
    progress.stepped()
    await new Promise((resolve) => setImmediate(resolve))
    if (interrupt.isRequested) break
  }
  progress.end()
}

function writeReport(folder: string, report: Report, isQuiet: boolean): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report)}\n`)
  const page = join(folder, 'report.html')
  writeFileSync(page, pageOf(report))
  if (!isQuiet) process.stdout.write(`report   ${page}\n`)
}

const standardError: Screen = {
  isTerminal: process.stderr.isTTY === true,
  get columns() {
    return process.stderr.columns ?? 100
  },
  write: (text) => process.stderr.write(text),
}
