/** Pieces that several shapes share. Answers are described as strictly as what comes in. */
import {
  dictionary,
  integer,
  nullable,
  object,
  type Schema,
  text,
} from '../../protocol/base/schema.ts'
import { limits } from '../../protocol/limits.ts'
import type { Reply } from '../../protocol/request.ts'
import { fromCore } from './problem.ts'
import type { Shape } from './route.ts'

export const anyText = text({ max: 16_384 })
export const whole = integer(0, Number.MAX_SAFE_INTEGER)
export const signed = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
export const memberId = text({ max: limits.memberIdLength })
export const textByName = dictionary(anyText, 1024)
export const wholeByName = dictionary(whole, 4096)

/** A measured figure, which need not be whole. */
export const measured: Schema<number> = {
  json: { type: 'number' },
  read(value, path, issues) {
    if (typeof value === 'number' && Number.isFinite(value)) return value
    issues.push({ path, message: 'must be a number' })
    return 0
  },
}

export const resources = object({
  cpu: measured,
  memory: measured,
  disk: measured,
  gpu: measured,
})

/** The answer to every write. */
export const writtenShape: Shape = {
  name: 'Written',
  schema: object({ id: anyText, version: nullable(anyText), copies: whole }),
}

export interface Written {
  id: string
  version: string | null
  copies: number
}

export function toWritten(reply: Reply): Written {
  if (!reply.ok) throw fromCore(reply.problem)
  const { id, version, copies } = reply
  return { id, version, copies }
}
