/** Aligned columns, two spaces apart, as wide as their widest cell; and figures as people read them. */
import { type Colour, paint } from './colour.ts'

/** Painted only where the output has colours. */
export type Cell = string | { readonly text: string; readonly colour: Colour | undefined }

export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const titles = heads.map((text): Cell => ({ text, colour: 'bold' }))
  const all = [titles, ...rows]
  const widths = heads.map((_, i) => Math.max(...all.map((row) => textOf(row[i]).length)))
  return all.map((row) => `${lineOf(row, widths)}\n`).join('')
}

function lineOf(row: readonly Cell[], widths: readonly number[]): string {
  const last = row.findLastIndex((cell) => textOf(cell) !== '')
  const cells = row.slice(0, last + 1).map((cell, i) => {
    const gap = i === last ? '' : ' '.repeat(widths[i]! - textOf(cell).length)
    return `${typeof cell === 'string' ? cell : paint(cell.text, cell.colour)}${gap}`
  })
  return cells.join('  ')
}

function textOf(cell: Cell | undefined): string {
  return typeof cell === 'object' ? cell.text : (cell ?? '')
}

const unitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** The two largest units: `3d4h`, `5m12s`, `8s`. */
export function duration(ms: number): string {
  const parts: string[] = []
  let rest = Math.max(0, ms)
  for (const [unit, unitMs] of unitsMs) {
    const amount = Math.floor(rest / unitMs)
    rest -= amount * unitMs
    if (amount > 0) parts.push(`${amount}${unit}`)
    else if (parts.length > 0) break
  }
  return parts.slice(0, 2).join('') || '0s'
}

/** Local time without the zone: `2026-01-31 14:05:09`. */
export function clockTime(at: number): string {
  const local = at - new Date(at).getTimezoneOffset() * 60_000
  return new Date(local).toISOString().slice(0, 19).replace('T', ' ')
}

/** MiB, or GiB with one digit from 1 GiB on. */
export function memory(mib: number): string {
  return mib < 1024 ? `${Math.round(mib)}Mi` : `${(mib / 1024).toFixed(1)}Gi`
}

/** Millicores as cores: `1500` is `1.5`. */
export function cores(millicores: number): string {
  return String(Math.round(millicores / 100) / 10)
}
