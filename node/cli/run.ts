/** `run` and `plan`: a job goes to the agent, or what it would change is shown. */
import type { Command } from 'commander'
import type { planOf } from '../api/plan.ts'
import type { Written } from '../api/shapes.ts'
import type { Client } from './client.ts'
import {
  type CommonOptions,
  clientOf,
  collect,
  print,
  printJson,
  reading,
  readNumber,
  step,
} from './command.ts'
import { type QuickOptions, quickJob, readJobFile } from './job-file.ts'
import { table } from './table.ts'
import { addWaiting, type WaitOptions, waitUntilRunning } from './wait.ts'

interface RunOptions extends CommonOptions, QuickOptions, WaitOptions {
  replace?: boolean
  copies?: number
}

export function addRun(program: Command): void {
  const verb = reading(
    program,
    'run [words...]',
    'Submit a job: from a file (- is standard input), or as given',
  )
  addWaiting(verb, 'until all of it runs and is healthy')
    .usage('[options] <file>\n       starling run [options] --id <name> -- <command> [arguments]')
    .option('--replace', 'also when the job is there with another content')
    .option('--copies <number>', 'nodes that must hold the job before it counts', readNumber)
    .option('--id <name>', 'a job of one task, without a file')
    .option('--type <type>', 'service, batch or system')
    .option('--count <number>', 'how many instances', readNumber)
    .option('--docker <image>', 'run a container instead of a process')
    .option('--cpu <millicores>', 'of each instance', readNumber)
    .option('--memory <MiB>', 'of each instance', readNumber)
    .option('--env <NAME=value>', 'may be repeated', collect)
    .option('--port <name[:container]>', 'a port, given as PORT_<NAME>; may be repeated', collect)
    .action(async (words: string[], options: RunOptions, command: Command) => {
      const job = await jobOf(words, options, command)
      await run(clientOf(options, command), job, options)
    })
  reading(program, 'plan <file>', 'Show what submitting a job would change').action(
    async (file: string, options: CommonOptions, command: Command) => {
      const job = await readJobFile(file)
      const plan = await askPlan(clientOf(options, command), job)
      if (options.json) printJson(plan)
      else print(describePlan(plan))
    },
  )
}

async function jobOf(words: string[], options: RunOptions, command: Command): Promise<object> {
  if (options.id !== undefined) {
    if (words.length === 0 && options.docker === undefined)
      command.error('error: --id needs a command: starling run --id web -- python3 -m http.server')
    return quickJob(words, options)
  }
  if (words.length !== 1) command.error('error: name one file, - for standard input, or use --id')
  const job = await readJobFile(words[0]!)
  return options.count === undefined ? job : { ...job, count: options.count }
}

async function run(client: Client, job: object, options: RunOptions): Promise<void> {
  const replaced = options.replace && options.wait ? (await askPlan(client, job)).replaces : false
  const { status, body } = await client.ask({
    method: 'POST',
    path: '/v1/jobs',
    query: { w: options.copies, upsert: options.replace },
    body: job,
  })
  const written = body as Written
  if (options.json) printJson(written)
  else {
    const made = status === 201 ? 'submitted' : 'in place'
    const where = written.copies === 1 ? 'one node only' : `${written.copies} nodes`
    print(`${written.id} ${made}: version ${written.version}, held by ${where}\n`)
  }
  if (options.wait) await waitUntilRunning(client, written.id, replaced, options.timeout)
}

type Plan = ReturnType<typeof planOf>

async function askPlan(client: Client, job: object): Promise<Plan> {
  const id = 'id' in job && typeof job.id === 'string' && job.id !== '' ? job.id : '-'
  const path = `/v1/jobs/${step(id)}/plan`
  return (await client.ask({ method: 'POST', path, body: job })).body as Plan
}

function describePlan({ job, effect, version, changes, allocations }: Plan): string {
  if (effect === 'none') return `${job}: nothing changes\n`
  const { added, removed, replaced, kept } = allocations
  const head = effect === 'create' ? `${job}: new` : `${job}: changes version ${version}`
  const counts = `${added} added, ${removed} removed, ${replaced} replaced, ${kept} kept`
  const show = (value: unknown) => (value === undefined ? '-' : JSON.stringify(value))
  const rows = changes.map(({ path, from, to }) => [path, show(from), show(to)])
  const fields = rows.length === 0 ? '' : table(['FIELD', 'FROM', 'TO'], rows)
  return `${head}\nallocations: ${counts}\n${fields}`
}
