/**
 * JSON with the two things that `JSON.parse` does not tell: the line and column of what is wrong, and a key
 * that is given twice, of which it silently takes the last. `JSON.parse` does the work; a scan over the
 * tokens, without a stack of calls that nesting could exhaust, only looks for these two.
 */
import { RequestProblem } from './problem.ts'

export function parseJson(text: string): unknown {
  let value: unknown
  let failure: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    failure = error
  }
  const fault = findFault(text)
  if (fault !== undefined) throw malformed(text, fault)
  if (failure !== undefined) throw new RequestProblem('malformed', 'the body is not valid JSON')
  return value
}

export interface Fault {
  readonly at: number
  readonly message: string
}

function malformed(text: string, { at, message }: Fault): RequestProblem {
  const before = text.slice(0, at).split('\n')
  const place = `line ${before.length}, column ${before.at(-1)!.length + 1}`
  return new RequestProblem('malformed', `${message} at ${place}`)
}

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'end'

interface Frame {
  readonly close: '}' | ']'
  /** Keys so far; undefined in an array. */
  readonly keys: Set<string> | undefined
}

const mark = /([{}[\],:])/
const quoted = /("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")/
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/
const sources = [mark, quoted, number, /true|false|null/].map(({ source }) => source)
const token = new RegExp(sources.join('|'), 'y')
const space = /[ \t\n\r]*/y

/** The first thing that is wrong with a JSON text, or undefined. */
export function findFault(text: string): Fault | undefined {
  const scan = new Scan()
  let at = skipSpace(text, 0)
  while (at < text.length) {
    token.lastIndex = at
    const found = token.exec(text)
    if (found === null) return { at, message: describe(text, at) }
    const message = scan.take(found[1], found[2])
    if (message !== undefined) return { at, message }
    at = skipSpace(text, at + found[0].length)
  }
  return scan.isDone ? undefined : { at, message: 'unexpected end of JSON' }
}

function skipSpace(text: string, at: number): number {
  space.lastIndex = at
  return at + space.exec(text)![0].length
}

function describe(text: string, at: number): string {
  if (text[at] === '"') return 'text that does not end, or has a wrong escape,'
  return `unexpected ${JSON.stringify(text[at])}`
}

class Scan {
  readonly #frames: Frame[] = []
  #expected: Expected = 'value'

  get isDone(): boolean {
    return this.#expected === 'end'
  }

  /** One token: a mark, a text, or else a number or a word. Returns what is wrong with it. */
  take(mark: string | undefined, text: string | undefined): string | undefined {
    if (mark === undefined) return this.#takeScalar(text)
    if (mark === '{' || mark === '[') return this.#open(mark)
    if (mark === '}' || mark === ']') return this.#close(mark)
    return this.#separate(mark)
  }

  #takeScalar(text: string | undefined): string | undefined {
    const expected = this.#expected
    if (expected === 'value' || expected === 'value-or-end') return this.#endValue()
    if (expected !== 'key' && expected !== 'key-or-end') return `unexpected value`
    if (text === undefined) return 'a key must be text in double quotes'
    const key = text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)
    const keys = this.#frames.at(-1)!.keys!
    if (keys.has(key)) return `key ${JSON.stringify(key)} is given twice`
    keys.add(key)
    this.#expected = 'colon'
    return undefined
  }

  #open(mark: '{' | '['): string | undefined {
    if (this.#expected !== 'value' && this.#expected !== 'value-or-end')
      return `unexpected "${mark}"`
    const isObject = mark === '{'
    this.#frames.push({ close: isObject ? '}' : ']', keys: isObject ? new Set() : undefined })
    this.#expected = isObject ? 'key-or-end' : 'value-or-end'
    return undefined
  }

  #close(mark: string): string | undefined {
    if (!this.#expected.endsWith('or-end') || this.#frames.at(-1)?.close !== mark)
      return `unexpected "${mark}"`
    this.#frames.pop()
    return this.#endValue()
  }

  #separate(mark: string): string | undefined {
    const wanted = mark === ':' ? 'colon' : 'comma-or-end'
    if (this.#expected !== wanted) return `unexpected "${mark}"`
    const inObject = this.#frames.at(-1)!.keys !== undefined
    this.#expected = mark === ',' && inObject ? 'key' : 'value'
    return undefined
  }

  #endValue(): undefined {
    this.#expected = this.#frames.length === 0 ? 'end' : 'comma-or-end'
  }
}
