/**
 * Query parameters: text that becomes a value, or a problem that names the parameter. A write refuses
 * parameters that it does not know, because `?ifmatch=…` that is ignored silently loses someone's update.
 */
import type { Issue, JsonSchema } from '../../protocol/base/schema.ts'
import { limits } from '../../protocol/limits.ts'
import { RequestProblem } from './problem.ts'

export interface Parameter<T> {
  readonly description: string
  readonly json: JsonSchema
  /** What a value must be, for a person. */
  readonly hint: string
  /** Undefined where the text is not valid. */
  read(text: string): T | undefined
}

export type ParametersOf = { readonly [name: string]: Parameter<unknown> }
export type Values<P> = {
  readonly [N in keyof P]: P[N] extends Parameter<infer T> ? T | undefined : never
}

export function wholeNumber(min: number, max: number, description: string): Parameter<number> {
  return {
    description,
    json: { type: 'integer', minimum: min, maximum: max },
    hint: `must be a whole number from ${min} to ${max}`,
    read(text) {
      const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : -1
      return value >= min && value <= max ? value : undefined
    },
  }
}

export function flag(description: string): Parameter<boolean> {
  return {
    description,
    json: { type: 'boolean' },
    hint: 'must be true or false',
    read: (text) => (text === 'true' || text === '' ? true : text === 'false' ? false : undefined),
  }
}

export function oneOf<const T extends string>(values: T[], description: string): Parameter<T> {
  return {
    description,
    json: { type: 'string', enum: values },
    hint: `must be one of ${values.join(', ')}`,
    read: (text) => values.find((value) => value === text),
  }
}

export function name(description: string): Parameter<string> {
  return {
    description,
    json: { type: 'string', minLength: 1, maxLength: 256 },
    hint: 'must have 1 to 256 characters',
    read: (text) => (text.length > 0 && text.length <= 256 ? text : undefined),
  }
}

export const copies = {
  w: wholeNumber(1, 9, 'How many nodes must hold the write before it is answered.'),
}

export const paging = {
  limit: wholeNumber(1, limits.pageItemsMax, `Items of a page; ${limits.pageItems} unless given.`),
  cursor: name('The `cursor` of the page before.'),
}

export function readQuery<P extends ParametersOf>(
  given: { readonly [name: string]: unknown },
  parameters: P,
  refuseUnknown: boolean,
): Values<P> {
  const values: { [name: string]: unknown } = {}
  const issues: Issue[] = []
  for (const each of Object.keys(given)) {
    const parameter = Object.hasOwn(parameters, each) ? parameters[each] : undefined
    const value = given[each]
    if (parameter === undefined) {
      if (refuseUnknown) issues.push({ path: `?${each}`, message: 'is not a known parameter' })
    } else if (typeof value !== 'string') {
      issues.push({ path: `?${each}`, message: 'must be given once' })
    } else {
      values[each] = parameter.read(value)
      if (values[each] === undefined) issues.push({ path: `?${each}`, message: parameter.hint })
    }
  }
  if (issues.length > 0) throw parameterProblem(issues)
  return values as Values<P>
}

export function parameterProblem(issues: readonly Issue[]): RequestProblem {
  const said = issues.slice(0, 8).map(({ path, message }) => `${path} ${message}`)
  return new RequestProblem('bad-parameter', said.join('; '), { issues: issues.slice(0, 32) })
}
