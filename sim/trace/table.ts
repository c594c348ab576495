/**
 * A table of comma-separated values with a header line, as published traces have it: no quotes, no commas
 * inside a field. Every complaint names the file and the line. Rejected alternative: a CSV library, for a
 * format that needs a `split` and whose whole point here is the line number of what is wrong.
 */
import { readFileSync } from 'node:fs'
import { BrokenTrace } from './broken-trace.ts'

/** A million tasks of 100 B: what fits in memory with room to spare. */
const fileBytesMax = 128 * 1024 * 1024

export class Row {
  readonly #file: string
  readonly #line: number
  readonly #columns: readonly string[]
  readonly #fields: readonly string[]

  constructor(file: string, line: number, columns: readonly string[], fields: readonly string[]) {
    this.#file = file
    this.#line = line
    this.#columns = columns
    this.#fields = fields
  }

  text(column: string): string {
    return this.#fields[this.#columns.indexOf(column)] ?? ''
  }

  /** Text that is there. */
  name(column: string): string {
    const value = this.text(column)
    return value === '' ? this.fail(`${column} is empty`) : value
  }

  /** A whole number of at least 0. */
  natural(column: string): number {
    const value = this.text(column)
    if (!/^[0-9]{1,15}$/.test(value)) this.fail(`${column}: "${value}" is not a whole number`)
    return Number(value)
  }

  fail(reason: string): never {
    throw new BrokenTrace(this.#file, this.#line, reason)
  }
}

/** The rows below the header, which must have the columns; others may stand beside them. */
export function readTable(file: string, columns: readonly string[]): Row[] {
  const lines = contentOf(file).split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const header = lines[0]?.split(',') ?? []
  const missing = columns.find((column) => !header.includes(column))
  if (missing !== undefined) throw new BrokenTrace(file, 1, `there is no column ${missing}`)
  if (lines.length === 1) throw new BrokenTrace(file, undefined, 'has no rows')
  return lines.slice(1).map((line, i) => rowOf(file, i + 2, header, line))
}

function rowOf(file: string, line: number, header: readonly string[], text: string): Row {
  const fields = text.split(',')
  if (fields.length !== header.length)
    throw new BrokenTrace(file, line, `has ${fields.length} fields instead of ${header.length}`)
  return new Row(file, line, header, fields)
}

function contentOf(file: string): string {
  try {
    const bytes = readFileSync(file)
    if (bytes.length <= fileBytesMax) return bytes.toString('utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new BrokenTrace(file, undefined, code === 'ENOENT' ? 'there is no such file' : `${code}`)
  }
  throw new BrokenTrace(file, undefined, `is over ${fileBytesMax} bytes`)
}
