/**
 * YAML from a file, with the line of what is wrong in it. `FILE:LINE: REASON` is all that a person needs; a stack
 * would say where our reader stood.
 */
import { readFileSync, statSync } from 'node:fs'
import {
  type Document,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument,
} from 'yaml'
import type { Issue } from '../protocol/base/schema.ts'
import { scenarioLimits as limits } from './limits.ts'

/** What to throw: each kind of file has an error of its own. */
export type ProblemAt = (line: number | undefined, reason: string) => Error

export interface YamlFile {
  readonly data: unknown
  /** The issue with its line. */
  complaint(issue: Issue): Error
}

export function parseYamlFile(content: string, problem: ProblemAt): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(content, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
    logLevel: 'error',
  })
  const lineAt = (offset: number) => lines.linePos(offset).line
  const fault = document.errors[0]
  if (fault !== undefined) throw problem(lineAt(fault.pos[0]), fault.message.split('\n')[0]!)
  return {
    data: dataOf(document, problem),
    complaint: ({ path, message }) =>
      problem(lineAt(offsetOf(document, path)), path === '' ? message : `${path} ${message}`),
  }
}

/** Text of at most so many bytes. */
export function contentOf(file: string, bytesMax: number, problem: ProblemAt): string {
  let size: number
  try {
    size = statSync(file).size
    if (size <= bytesMax) return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`
    throw problem(undefined, reason)
  }
  throw problem(undefined, `is over ${bytesMax} bytes`)
}

function dataOf(document: Document.Parsed<ParsedNode>, problem: ProblemAt): unknown {
  try {
    return document.toJS({ maxAliasCount: limits.yamlAliases })
  } catch (error) {
    throw problem(undefined, (error as Error).message)
  }
}

/** Where the field is; of one that is missing, where it should be: its parent. */
function offsetOf(document: Document.Parsed<ParsedNode>, path: string): number {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '')
  let node: unknown = document.contents
  let offset = startOf(node)
  for (const step of steps) {
    if (!isCollection(node)) break
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      if (pair === undefined) break
      offset = startOf(pair.key)
      node = pair.value
    } else {
      node = node.get(Number(step), true)
      offset = startOf(node)
    }
  }
  return offset
}

function startOf(node: unknown): number {
  return (node as ParsedNode | null)?.range?.[0] ?? 0
}
