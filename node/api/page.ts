/**
 * Lists in pages. The cursor is the sort key of the last item that was sent, so a page goes on at the right
 * place even when that item, or thousands before it, are gone meanwhile. Nothing is kept for a client.
 */
import { list, object, optional, text } from '../../protocol/base/schema.ts'
import { limits } from '../../protocol/limits.ts'
import { parameterProblem } from './parameter.ts'
import type { Shape } from './route.ts'

export type SortKey = readonly (string | number)[]

export interface Page<T> {
  items: T[]
  cursor?: string
}

interface PageRequest {
  readonly limit: number | undefined
  readonly cursor: string | undefined
}

/** `items` in the order of `keyOf`; only those of the page are presented. */
export function page<T, U>(
  items: readonly T[],
  keyOf: (item: T) => SortKey,
  { limit = limits.pageItems, cursor }: PageRequest,
  present: (item: T) => U,
): Page<U> {
  const start = cursor === undefined ? 0 : firstAfter(items, keyOf, readCursor(cursor))
  const shown = items.slice(start, start + limit)
  const last = shown.at(-1)
  const more = last !== undefined && start + limit < items.length
  return { items: shown.map(present), ...(more && { cursor: writeCursor(keyOf(last)) }) }
}

export function listOf(shape: Shape): Shape {
  const items = list(shape.schema, limits.pageItemsMax)
  const schema = object({ items, cursor: optional(text({ max: 1024 })) })
  return { name: `${shape.name}List`, schema }
}

function firstAfter<T>(items: readonly T[], keyOf: (item: T) => SortKey, key: SortKey): number {
  let [low, high] = [0, items.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys(keyOf(items[middle] as T), key) > 0) high = middle
    else low = middle + 1
  }
  return low
}

export function compareKeys(a: SortKey, b: SortKey): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [one, other] = [a[i]!, b[i]!]
    if (one !== other) return one < other ? -1 : 1
  }
  return a.length - b.length
}

function writeCursor(key: SortKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

function readCursor(cursor: string): SortKey {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const isPart = (part: unknown) => typeof part === 'string' || typeof part === 'number'
    if (Array.isArray(key) && key.every(isPart)) return key
  } catch {
    // Not one of ours: said below.
  }
  throw parameterProblem([{ path: '?cursor', message: 'is not a cursor of this list' }])
}
