/** Where two values that should be the same first differ. */
import { compareText } from '../../protocol/base/id.ts'
import type { Value } from '../../protocol/base/value.ts'

export interface Difference {
  /** `[2].message.exchange.clock`; empty for the values themselves. */
  readonly path: string
  /** undefined where there is nothing. */
  readonly expected: Value | undefined
  readonly actual: Value | undefined
}

/** undefined for the same; a field of undefined is one that is not there. */
export function firstDifference(
  expected: Value | undefined,
  actual: Value | undefined,
  path = '',
): Difference | undefined {
  if (expected === actual) return undefined
  const difference = { path, expected, actual }
  if (!isNested(expected) || !isNested(actual)) return difference
  if (expected instanceof Uint8Array || actual instanceof Uint8Array)
    return isSameBytes(expected, actual) ? undefined : difference
  if (Array.isArray(expected) !== Array.isArray(actual)) return difference
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])]
  if (Array.isArray(expected)) names.sort((a, b) => Number(a) - Number(b))
  else names.sort(compareText)
  for (const name of names) {
    const inner = Array.isArray(expected) ? `${path}[${name}]` : `${path}.${name}`
    const found = firstDifference(fieldOf(expected, name), fieldOf(actual, name), inner)
    if (found !== undefined) return found
  }
  return undefined
}

type Nested = Exclude<Value, null | boolean | number | string>

function isNested(value: Value | undefined): value is Nested {
  return typeof value === 'object' && value !== null
}

function fieldOf(value: Nested, name: string): Value | undefined {
  return Object.hasOwn(value, name) ? (value as { readonly [key: string]: Value })[name] : undefined
}

function isSameBytes(a: Nested, b: Nested): boolean {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return false
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
