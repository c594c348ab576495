/** Lists that others hold are replaced, not changed; each new one is as long as it need be. */

export function inserted<T>(list: readonly T[], at: number, item: T): T[] {
  const longer = new Array<T>(list.length + 1)
  for (let i = 0; i < at; i++) longer[i] = list[i]!
  longer[at] = item
  for (let i = at; i < list.length; i++) longer[i + 1] = list[i]!
  return longer
}

export function removed<T>(list: readonly T[], at: number): T[] {
  const shorter = new Array<T>(list.length - 1)
  for (let i = 0; i < at; i++) shorter[i] = list[i]!
  for (let i = at + 1; i < list.length; i++) shorter[i - 1] = list[i]!
  return shorter
}
