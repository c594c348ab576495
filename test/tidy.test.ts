/** The rules of the house, as a test. The formatter keeps the layout regular enough to check by line. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const tidy = suite('tidy')

interface Source {
  path: string
  text: string
  lines: string[]
}

const sources: Source[] = globSync('{protocol,node,sim,test,scripts}/**/*.ts')
  .sort()
  .map((path) => {
    const text = readFileSync(path, 'utf8')
    return { path, text, lines: text.split('\n') }
  })
const product = sources.filter(({ path }) => !path.startsWith('test/'))
const inProtocol = sources.filter(({ path }) => path.startsWith('protocol/'))

/** Comments and texts may name what code may not. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`\\])\/\/[^\n]*/g, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
}

function importsOf({ path, text }: Source): { target: string; typeOnly: boolean }[] {
  const found = text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?\sfrom '([^']+)'/gms)
  const bare = text.matchAll(/^import '([^']+)'/gm)
  const relative = (name: string) =>
    name.startsWith('.') ? normalize(join(dirname(path), name)) : name
  return [
    ...[...found].map((match) => ({
      target: relative(match[2]!),
      typeOnly: match[1] !== undefined,
    })),
    ...[...bare].map((match) => ({ target: relative(match[1]!), typeOnly: false })),
  ]
}

function complaints(check: (source: Source) => string[], of: Source[] = sources): string[] {
  return of.flatMap((source) => check(source).map((complaint) => `${source.path}: ${complaint}`))
}

function none(found: string[]): void {
  assert.equal(found, [], found.join('\n'))
}

tidy('there are sources to check', () => {
  assert.ok(inProtocol.length > 20)
})

tidy('sim → protocol ← node', () => {
  const allowed: { [top: string]: RegExp } = {
    protocol: /^(protocol\/|cborg$)/,
    node: /^(node\/|protocol\/|[^.])/,
    sim: /^(sim\/|protocol\/|node:|yaml$)/,
  }
  const forbidden: { [top: string]: RegExp } = { node: /^(sim|test|scripts)\//, sim: /^node\// }
  none(
    complaints((source) => {
      const top = source.path.split('/')[0]!
      return importsOf(source)
        .map(({ target }) => target)
        .filter((target) => !(allowed[top]?.test(target) ?? true) || forbidden[top]?.test(target))
        .map((target) => `imports ${target}`)
    }),
  )
})

tidy('base ← {membership, replication, placement, discovery} ← core', () => {
  const siblings = ['membership', 'replication', 'placement', 'discovery']
  const shared = ['config.ts', 'limits.ts'].map((name) => `protocol/${name}`)
  none(
    complaints((source) => {
      const [, folder, file] = source.path.split('/')
      if (file === undefined) return []
      return importsOf(source)
        .filter(({ target, typeOnly }) => {
          if (!target.startsWith('protocol/') || shared.includes(target)) return false
          const [, other, inner] = target.split('/')
          if (inner === undefined) return !typeOnly // core's own files: their types only
          if (folder === 'base') return other !== 'base'
          return siblings.includes(other!) && other !== folder && !typeOnly
        })
        .map(({ target }) => `imports ${target}`)
    }, inProtocol),
  )
})

tidy('protocol/ has no clock, chance, world or waiting in it', () => {
  const banned =
    /(?<![.\w])process\.|\b(Date|Math\.(random|log\w*|exp\w*|pow|sin|cos|tan|sqrt)|setTimeout|setInterval|setImmediate|queueMicrotask|console|Buffer|crypto|performance|Promise|async|await|Intl|localeCompare|toLocale\w+|globalThis|fetch|require)\b/
  none(
    complaints(
      ({ text }) =>
        codeOf(text)
          .split('\n')
          .flatMap((line, i) => {
            const found = banned.exec(line)
            return found ? [`${i + 1}: ${found[0]}`] : []
          }),
      inProtocol,
    ),
  )
})

tidy('a file holds one idea, a function fits on a screen', () => {
  none(
    complaints(({ lines }) => {
      const found = lines.length > 401 ? [`${lines.length} lines`] : []
      return [...found, ...longFunctions(lines)]
    }, product),
  )
})

function longFunctions(lines: string[]): string[] {
  const start =
    /^(\s*)(?:export )?(?:async )?(?:static |override |readonly )*(?:(?:get |set )?#?\w+\([^)]*$|(?:get |set )?#?\w+\(.*\{$|function\*? \w+.*|(?:const|let) \w+ = (?:async )?\(.*=> \{$)/
  const keyword = /^\s*(?:if|for|while|switch|return|else|await|describe|suite)\b/
  return lines.flatMap((line, i) => {
    const indent = start.exec(line)?.[1]
    if (indent === undefined || keyword.test(line)) return []
    const length = lines.slice(i).indexOf(`${indent}}`) + 1
    return length > 70 ? [`${i + 1}: a function of ${length} lines`] : []
  })
}

tidy('lines fit', () => {
  none(
    complaints(
      ({ lines }) =>
        lines.flatMap((line, i) =>
          line.length > 120 && !/^ +\/.*\/$/.test(line) ? [`${i + 1}: too long`] : [],
        ),
      sources,
    ),
  )
})

tidy('every file of the product opens with what it is about', () => {
  none(
    complaints(
      ({ text }) => (/^(#![^\n]*\n)?(\/\*\*|\/\/)/.test(text) ? [] : ['no header']),
      product,
    ),
  )
})

tidy('nothing unfinished, no debris', () => {
  const debris = /\b(TODO|FIXME|XXX|HACK)\b|console\.log\(|\bdebugger\b|\.only\(/
  const self = 'test/tidy.test.ts'
  none(
    complaints(({ path, lines }) =>
      path === self
        ? []
        : lines.flatMap((line, i) => (debris.test(line) ? [`${i + 1}: ${line.trim()}`] : [])),
    ),
  )
  none(complaints(({ text }) => (/^export default/m.test(text) ? ['a default export'] : [])))
})

tidy('names say what a thing is', () => {
  const vague = /(^|[-/])(utils?|helpers?|manager|misc|common)(\.ts|[-/])/
  none(complaints(({ path }) => (vague.test(path) ? ['a vague name'] : [])))
  none(
    complaints(({ text }) => {
      const found = /^\s*(?:export )?(?:const )?(?:enum|namespace) \w+/m.exec(codeOf(text))
      return found ? [found[0].trim()] : []
    }),
  )
})

tidy('each test file runs its tests', () => {
  none(
    complaints(({ path, text }) =>
      path.endsWith('.test.ts') && !/\.run\(\)/.test(text) ? ['never calls .run()'] : [],
    ),
  )
})

tidy('each file is used by another', () => {
  const entries = /^(node\/main|sim\/main|protocol\/index)\.ts$|^scripts\/|\.test\.ts$/
  const imported = new Set(
    sources.flatMap((source) => importsOf(source).map(({ target }) => target)),
  )
  const dynamic = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:import\(|new URL\()'(\.[^']+)'/g)].map((match) =>
      normalize(join(dirname(path), match[1]!)),
    ),
  )
  for (const path of dynamic) imported.add(path)
  none(complaints(({ path }) => (entries.test(path) || imported.has(path) ? [] : ['unused'])))
})

tidy.run()
