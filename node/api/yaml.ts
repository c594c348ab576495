/**
 * YAML as data and no more: one document, text keys, each once, plain values, few aliases. Measured on
 * hostile texts, the parser's time grows with the length for all but two things: its own check of duplicate
 * keys (each against each) and nested `? ` keys, so keys are checked here, must be text, and a document with
 * any error is never turned into values.
 */
import { type Document, LineCounter, type ParsedNode, parseDocument, visit } from 'yaml'
import { limits } from '../../protocol/limits.ts'
import { RequestProblem } from './problem.ts'

export function parseYaml(text: string): unknown {
  if (Buffer.byteLength(text) > limits.yamlBytes) {
    const detail = `YAML may have at most ${limits.yamlBytes} bytes; larger jobs are taken as JSON`
    throw new RequestProblem('too-large', detail)
  }
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
      resolveKnownTags: false,
      logLevel: 'error',
    })
    const fault = document.errors[0]
    if (fault !== undefined)
      throw malformed(wordsFor(fault.code, fault.message), fault.pos[0], lines)
    refuseDoubleKeys(document, lines)
    return document.toJS({ maxAliasCount: limits.yamlAliases })
  } catch (error) {
    if (error instanceof RequestProblem) throw error
    throw new RequestProblem('malformed', limitReached(error))
  }
}

function wordsFor(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS')
    return 'several YAML documents; send one job at a time: the second is'
  return message.split('\n')[0]!
}

function malformed(message: string, offset: number, lines: LineCounter): RequestProblem {
  const { line, col } = lines.linePos(offset)
  return new RequestProblem('malformed', `${message} at line ${line}, column ${col}`)
}

function refuseDoubleKeys(document: Document.Parsed<ParsedNode>, lines: LineCounter): void {
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        const { value, range } = key as { value?: unknown; range?: readonly number[] }
        const name = String(value)
        if (seen.has(name)) throw malformed(`key "${name}" is given twice`, range?.[0] ?? 0, lines)
        seen.add(name)
      }
    },
  })
}

/** The parser's own bounds: the depth of nesting, and the expansion of aliases. */
function limitReached(error: unknown): string {
  if (error instanceof RangeError) return 'the YAML is nested too deeply'
  if (error instanceof ReferenceError && error.message.startsWith('Excessive alias'))
    return `the YAML's aliases expand to more than ${limits.yamlAliases} values`
  return error instanceof Error ? error.message : 'the YAML cannot be read'
}
