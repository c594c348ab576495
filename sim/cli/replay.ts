/** `starling replay RECORD`: an agent's life again, up to the first step that comes to something else. */
import type { Value } from '../../protocol/base/value.ts'
import { FileProblem } from '../file-problem.ts'
import { RecordReader } from '../replay/record-file.ts'
import { type DifferentStep, type Replay, replay } from '../replay/replay.ts'
import { counted, grouped, writtenDuration } from '../scenario/measure.ts'
import { replayUsage, UsageError } from './usage.ts'

export function replayCommand(args: readonly string[]): number {
  const options = args.filter((word) => word.startsWith('-') && word !== '-')
  const files = args.filter((word) => !options.includes(word))
  if (options.includes('--help')) {
    process.stdout.write(replayUsage)
    return 0
  }
  const unknown = options.find((option) => option !== '--json')
  if (unknown !== undefined) throw new UsageError(`there is no option ${unknown}`)
  const [file] = files
  if (file === undefined || files.length > 1)
    throw new UsageError('it needs the file of one record')
  const reader = new RecordReader(file)
  const result = replay(reader.frames())
  if (result.lives === 0) throw new FileProblem(file, emptyReasons[reader.end])
  const told = options.includes('--json') ? jsonOf(result, reader) : textOf(result, reader)
  process.stdout.write(told)
  return result.outcome.type === 'same' ? 0 : 1
}

const emptyReasons = {
  whole: 'is empty',
  torn: 'is cut off before its first frame ends',
  full: 'is no flight record: it begins with its end',
}

function jsonOf(result: Replay, { end }: RecordReader): string {
  const readable = (_: string, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  return `${JSON.stringify({ ...result, end }, readable, 2)}\n`
}

function textOf(result: Replay, { end }: RecordReader): string {
  const { name, self, steps, fromMs, untilMs, lives } = result
  const span = writtenDuration((untilMs - fromMs) * 1000)
  const since = new Date(fromMs).toISOString()
  const times = lives > 1 ? `, ${lives} lives` : ''
  const lines = [
    `record of ${name} (${self}): ${counted(steps, 'step')} in ${span} from ${since}${times}`,
    ...(end === 'whole' ? [] : [endings[end]]),
    ...outcomeLines(result),
  ]
  return `${lines.join('\n')}\n`
}

const endings = {
  torn: 'its last step is not whole, as after a kill -9: all before it was run',
  full: 'it was as large as it may be before the agent ended',
}

function outcomeLines({ outcome, steps, skipped, compared }: Replay): string[] {
  switch (outcome.type) {
    case 'same': {
      const run = steps - skipped
      const without = run - compared
      const untold = `; of ${grouped(without)} the effects are not in the record`
      const unrun = `; ${grouped(skipped)} before them, of a life that it does not begin with, were not run`
      const told = `${without === 0 ? '' : untold}${skipped === 0 ? '' : unrun}`
      return [`${counted(run, 'step')}, no difference${told}`]
    }
    case 'headless':
      return [
        'it begins in the middle of a life: its steps cannot be run again without what came before',
        'an agent that is started with --record FILE writes a record that can',
      ]
    case 'broke': {
      const { step, error, isKnown } = outcome
      const then = isKnown ? 'as it did then' : 'and did not then'
      return [`step ${grouped(steps)} breaks the core, ${then}: ${error}`, eventLine(step)]
    }
    case 'different':
      return differenceLines(outcome.step, steps)
  }
}

function differenceLines({ frame, expected, actual, first }: DifferentStep, step: number) {
  const { path } = first
  return [
    `step ${grouped(step)} comes to something else`,
    eventLine(frame),
    `  ${path.startsWith('[') ? `effects${path}` : path || 'effects'}`,
    `    expected  ${shown(first.expected)}`,
    `    actual    ${shown(first.actual)}`,
    ...effectLines('expected', expected),
    ...effectLines('actual', actual),
  ]
}

function eventLine({ now, event }: DifferentStep['frame']): string {
  return `  at ${new Date(now).toISOString()}  ${shown(event as unknown as Value)}`
}

function effectLines(title: string, effects: readonly Value[]): string[] {
  const shownEffects = effects.slice(0, effectsShown).map((each, i) => `    [${i}] ${shown(each)}`)
  const left = effects.length - shownEffects.length
  const more = left > 0 ? [`    … and ${left} more; --json has them`] : []
  const head = `  ${title}: ${counted(effects.length, 'effect')}`
  return [head, ...shownEffects, ...more]
}

/** More than a person reads. */
const effectsShown = 20
const shownLength = 400

function shown(value: Value | undefined): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value, (_, each: unknown) =>
    each instanceof Uint8Array ? `0x${Buffer.from(each).toString('hex')}` : each,
  )
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text
}
