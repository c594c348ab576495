/**
 * A forecast: the same what-ifs with several seeds. Stewards that decide at the same moment see more or less of
 * each other's decisions, by milliseconds of the network; where two nodes are about as good for a slot, that decides.
 * Told is the run that agrees most with the others, and of each move in how many runs it was made, and which other
 * ones there were instead.
 */
import type { Snapshot } from '../../protocol/snapshot.ts'
import type { Act } from './act.ts'
import type { Move } from './placements.ts'
import { type PredictedStep, type Prediction, type PredictOptions, predict } from './predict.ts'

export interface Forecast extends Omit<Prediction, 'steps' | 'moves'> {
  /** Runs, from `seed` on; `seed` is that of the run that is told. */
  readonly runs: number
  readonly steps: readonly ForecastStep[]
  readonly moves: readonly ForecastMove[]
}

export interface ForecastStep extends Omit<PredictedStep, 'moves'> {
  readonly moves: readonly ForecastMove[]
  /** Of the runs that came to rest: the shortest and the longest time. */
  readonly convergedMsRange: readonly [number, number] | null
}

export interface ForecastMove extends Move {
  /** So many runs made it. */
  readonly runs: number
  readonly otherwise: readonly { readonly to: string | null; readonly runs: number }[]
}

export interface ForecastOptions extends PredictOptions {
  readonly runs: number
  /** After each run. */
  readonly onRun?: (done: number) => void
}

export function forecast(
  snapshot: Snapshot,
  acts: readonly Act[],
  { runs, onRun, ...options }: ForecastOptions,
): Forecast {
  const predictions: Prediction[] = []
  for (let i = 0; i < runs; i++) {
    predictions.push(predict(snapshot, acts, { ...options, seed: options.seed + i }))
    onRun?.(i + 1)
  }
  const told = likeliest(predictions)
  return {
    ...told,
    runs,
    steps: told.steps.map((step, i) => ({
      ...step,
      moves: weighed(step.moves, new Tally(predictions.map(({ steps }) => steps[i]!.moves))),
      convergedMsRange: rangeOf(predictions.map(({ steps }) => steps[i]!.convergedMs)),
    })),
    moves: weighed(told.moves, new Tally(predictions.map(({ moves }) => moves))),
  }
}

/** Whose moves most runs made; of equals the first. */
function likeliest(predictions: readonly Prediction[]): Prediction {
  const tally = new Tally(predictions.map(({ moves }) => moves))
  // Moves that others made as well count for it, those that it made alone against it.
  const support = ({ moves }: Prediction) =>
    moves.reduce((sum, move) => sum + 2 * tally.runsOf(move) - predictions.length, 0)
  let best = predictions[0]!
  for (const each of predictions) if (support(each) > support(best)) best = each
  return best
}

function weighed(moves: readonly Move[], tally: Tally): ForecastMove[] {
  const told = new Set(moves.map(nameOf))
  return moves.map((move) => {
    const others = tally.of(move).filter(([other]) => !told.has(nameOf(other)))
    const otherwise = others.map(([{ to }, runs]) => ({ to, runs }))
    return { ...move, runs: tally.runsOf(move), otherwise }
  })
}

function rangeOf(times: readonly (number | null)[]): readonly [number, number] | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : [Math.min(...known), Math.max(...known)]
}

/** In how many runs each move was made. */
class Tally {
  readonly #runs = new Map<string, number>()
  /** Of the same slot from the same node. */
  readonly #moves = new Map<string, Map<string, Move>>()

  constructor(runs: readonly (readonly Move[])[]) {
    for (const moves of runs) for (const move of moves) this.#add(move)
  }

  runsOf(move: Move): number {
    return this.#runs.get(nameOf(move)) ?? 0
  }

  /** Most often made first. */
  of(move: Move): [Move, number][] {
    const moves = [...(this.#moves.get(slotOf(move))?.values() ?? [])]
    return moves
      .map((each): [Move, number] => [each, this.runsOf(each)])
      .sort(([a, m], [b, n]) => n - m || ((a.to ?? '') < (b.to ?? '') ? -1 : 1))
  }

  #add(move: Move): void {
    const name = nameOf(move)
    this.#runs.set(name, (this.#runs.get(name) ?? 0) + 1)
    const slot = slotOf(move)
    const moves = this.#moves.get(slot) ?? new Map<string, Move>()
    this.#moves.set(slot, moves.set(name, move))
  }
}

function slotOf({ job, slot, from }: Move): string {
  return `${job} ${slot} ${from ?? ''}`
}

function nameOf(move: Move): string {
  return `${slotOf(move)} ${move.to ?? ''}`
}
