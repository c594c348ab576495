/**
 * One definition for each shape that crosses a border: the type, the check of what arrived, and the JSON
 * Schema that the API documents. A check never throws: it collects issues with the field's path, for a
 * person to read, or for the counter of rejected messages.
 *
 * TypeBox was the alternative for the API. It compiles with `new Function`, cannot be used by the pure core,
 * and would have meant a second definition of a job.
 */

export interface Issue {
  /** Dotted path of the field, `tasks[0].resources.cpu`; empty for the value itself. */
  path: string
  message: string
}

export interface Schema<T> {
  /** Returns the value with defaults filled in; adds to `issues` what is wrong. */
  read(value: unknown, path: string, issues: Issue[]): T
  json: JsonSchema
  /** Absent in the input: the default, `undefined` for an optional field, or not set when required. */
  absent?: { value: T }
}

export type JsonSchema = { [keyword: string]: unknown }
export type Infer<S> = S extends Schema<infer T> ? T : never

export type Checked<T> = { ok: true; value: T } | { ok: false; issues: Issue[] }

export function check<T>(schema: Schema<T>, value: unknown): Checked<T> {
  const issues: Issue[] = []
  const read = schema.read(value, '', issues)
  return issues.length === 0 ? { ok: true, value: read } : { ok: false, issues }
}

/** More issues than a person reads, and a bound on the work a hostile value can cause. */
const issuesMax = 32

function complain(issues: Issue[], path: string, message: string): void {
  if (issues.length < issuesMax) issues.push({ path, message })
}

export interface TextOptions {
  min?: number
  max: number
  pattern?: RegExp
  /** Said instead of the pattern, which few people read. */
  hint?: string
}

export function text(options: TextOptions): Schema<string> {
  const { min = 0, max, pattern, hint } = options
  return {
    json: {
      type: 'string',
      minLength: min,
      maxLength: max,
      ...(pattern && { pattern: pattern.source }),
    },
    read(value, path, issues) {
      if (typeof value !== 'string') complain(issues, path, 'must be a string')
      else if (value.length < min) complain(issues, path, `must have at least ${min} characters`)
      else if (value.length > max) complain(issues, path, `must have at most ${max} characters`)
      else if (pattern && !pattern.test(value))
        complain(issues, path, hint ?? `must match ${pattern.source}`)
      else return value
      return ''
    },
  }
}

/** An integer of [min, max]. */
export function integer(min: number, max: number): Schema<number> {
  return {
    json: { type: 'integer', minimum: min, maximum: max },
    read(value, path, issues) {
      if (typeof value !== 'number' || !Number.isSafeInteger(value))
        complain(issues, path, 'must be an integer')
      else if (value < min) complain(issues, path, `must be at least ${min}`)
      else if (value > max) complain(issues, path, `must be at most ${max}`)
      else return value
      return min
    },
  }
}

export function boolean(): Schema<boolean> {
  return {
    json: { type: 'boolean' },
    read(value, path, issues) {
      if (typeof value === 'boolean') return value
      complain(issues, path, 'must be true or false')
      return false
    },
  }
}

export function bytes(max: number): Schema<Uint8Array> {
  return {
    json: { type: 'string', format: 'byte' },
    read(value, path, issues) {
      if (!(value instanceof Uint8Array)) complain(issues, path, 'must be bytes')
      else if (value.length > max) complain(issues, path, `must have at most ${max} bytes`)
      else return value
      return new Uint8Array(0)
    },
  }
}

export function literal<const T extends string>(...values: T[]): Schema<T> {
  return {
    json: { type: 'string', enum: values },
    read(value, path, issues) {
      if (values.includes(value as T)) return value as T
      complain(issues, path, `must be ${values.length === 1 ? '' : 'one of '}${values.join(', ')}`)
      return values[0] as T
    },
  }
}

export function list<T>(item: Schema<T>, max: number, min = 0): Schema<T[]> {
  return {
    json: { type: 'array', items: item.json, maxItems: max, ...(min > 0 && { minItems: min }) },
    read(value, path, issues) {
      if (!Array.isArray(value)) complain(issues, path, 'must be a list')
      else if (value.length > max) complain(issues, path, `must have at most ${max} items`)
      else if (value.length < min) complain(issues, path, `must have at least ${min} items`)
      else return value.map((each, i) => item.read(each, `${path}[${i}]`, issues))
      return []
    },
  }
}

/** A map with free keys, `{k: item}`. */
export function dictionary<T>(
  item: Schema<T>,
  max: number,
  keyPattern?: RegExp,
): Schema<{ [key: string]: T }> {
  return {
    json: { type: 'object', additionalProperties: item.json, maxProperties: max },
    read(value, path, issues) {
      const result: { [key: string]: T } = {}
      if (!isPlainObject(value)) {
        complain(issues, path, 'must be an object')
        return result
      }
      const keys = Object.keys(value)
      if (keys.length > max) complain(issues, path, `must have at most ${max} keys`)
      for (const key of keys.slice(0, max)) {
        if (key === '__proto__' || (keyPattern && !keyPattern.test(key)))
          complain(issues, join(path, key), 'is not a valid name')
        else result[key] = item.read(value[key], join(path, key), issues)
      }
      return result
    },
  }
}

type Fields = { [name: string]: Schema<unknown> }
type OptionalNames<F> = { [N in keyof F]: undefined extends Infer<F[N]> ? N : never }[keyof F]
export type ObjectOf<F> = { [N in Exclude<keyof F, OptionalNames<F>>]: Infer<F[N]> } & {
  [N in OptionalNames<F>]?: Exclude<Infer<F[N]>, undefined>
}

export interface ObjectOptions {
  /** Keep fields that this version does not know, so that two versions can share a cluster. */
  keepUnknown?: boolean
}

/** Unknown fields are refused, or kept where the value is only passed on. */
export function object<F extends Fields>(
  fields: F,
  options: ObjectOptions = {},
): Schema<ObjectOf<F>> {
  const names = Object.keys(fields)
  return {
    json: {
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, fields[name]!.json])),
      required: names.filter((name) => fields[name]!.absent === undefined),
      ...(!options.keepUnknown && { additionalProperties: false }),
    },
    read(value, path, issues) {
      const result: { [name: string]: unknown } = {}
      if (!isPlainObject(value)) {
        complain(issues, path, 'must be an object')
        return result as ObjectOf<F>
      }
      for (const name of names) {
        const field = fields[name]!
        const given = Object.hasOwn(value, name) ? value[name] : undefined
        if (given !== undefined) result[name] = field.read(given, join(path, name), issues)
        else if (field.absent === undefined) complain(issues, join(path, name), 'is required')
        else if (field.absent.value !== undefined) result[name] = field.absent.value
      }
      for (const name of Object.keys(value)) {
        if (Object.hasOwn(fields, name) || name === '__proto__') continue
        if (options.keepUnknown) result[name] = value[name]
        else complain(issues, join(path, name), 'is not a known field')
      }
      return result as ObjectOf<F>
    },
  }
}

export function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return { ...schema, absent: { value: undefined } }
}

/** The default is shared: the reader must not change it. */
export function withDefault<T>(schema: Schema<T>, value: T): Schema<T> {
  return { ...schema, json: { ...schema.json, default: value }, absent: { value } }
}

export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return {
    json: { anyOf: [schema.json, { type: 'null' }] },
    read: (value, path, issues) => (value === null ? null : schema.read(value, path, issues)),
  }
}

/** Chooses the variant by the text in the field `tag`. */
export function union<V extends { [tag: string]: Schema<unknown> }>(
  tag: string,
  variants: V,
): Schema<Infer<V[keyof V]>> {
  return {
    json: { oneOf: Object.values(variants).map((variant) => variant.json) },
    read(value, path, issues) {
      const name = isPlainObject(value) ? value[tag] : undefined
      if (typeof name === 'string' && Object.hasOwn(variants, name))
        return variants[name]!.read(value, path, issues) as Infer<V[keyof V]>
      complain(issues, join(path, tag), `must be one of ${Object.keys(variants).join(', ')}`)
      return undefined as Infer<V[keyof V]>
    },
  }
}

/** Any value that the codec can carry. Its size is bounded by whoever carries it. */
export function anything(): Schema<unknown> {
  return { json: {}, read: (value) => value }
}

/** A further rule on a value that is already well formed. */
export function refine<T>(
  schema: Schema<T>,
  rule: (value: T, path: string, complain: (path: string, message: string) => void) => void,
): Schema<T> {
  return {
    ...schema,
    read(value, path, issues) {
      const before = issues.length
      const read = schema.read(value, path, issues)
      if (issues.length === before) rule(read, path, (at, message) => complain(issues, at, message))
      return read
    },
  }
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function isPlainObject(value: unknown): value is { [key: string]: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  )
}
