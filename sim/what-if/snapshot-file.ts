/** A snapshot from its file, or one line about what is wrong with it. */
import { check } from '../../protocol/base/schema.ts'
import { type Snapshot, snapshotFormat, snapshotSchema } from '../../protocol/snapshot.ts'
import { FileProblem, problemOf } from '../file-problem.ts'
import { whatIfLimits as limits } from '../limits.ts'
import { contentOf } from '../yaml-file.ts'

export function readSnapshot(file: string): Snapshot {
  return parseSnapshot(contentOf(file, limits.snapshotBytes, problemOf(file)), file)
}

export function parseSnapshot(content: string, file: string): Snapshot {
  const value = parseJson(content, file)
  const format = (value as { format?: unknown } | null)?.format
  if (typeof format !== 'string' || !format.startsWith('starling-snapshot/'))
    throw new FileProblem(file, 'is no snapshot: its `format` is not starling-snapshot/…')
  if (format !== snapshotFormat)
    throw new FileProblem(file, `is ${format}, and this program reads ${snapshotFormat}`)
  const checked = check(snapshotSchema, value)
  if (checked.ok) return checked.value
  const { path, message } = checked.issues[0]!
  throw new FileProblem(file, `${path} ${message}`.trim())
}

function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content)
  } catch (error) {
    const text = content.trimEnd()
    if (text === '') throw new FileProblem(file, 'is empty')
    // A whole one ends with the end of its last list, and of itself.
    if (text.startsWith('{') && !text.endsWith(']}'))
      throw new FileProblem(file, 'is cut off in the middle', text.split('\n').length)
    throw new FileProblem(file, `is not JSON: ${(error as Error).message.split('\n')[0]}`)
  }
}
