/**
 * Colours for a person at a terminal, never in a pipe or a file. Node says whether the terminal has any, and
 * knows NO_COLOR, FORCE_COLOR and TERM.
 */
const codes = { bold: 1, red: 31, green: 32, yellow: 33, grey: 90 } as const

export type Colour = keyof typeof codes

export function paint(
  text: string,
  colour: Colour | undefined,
  coloured = process.stdout.isTTY === true && process.stdout.hasColors(),
): string {
  if (colour === undefined || !coloured) return text
  return `\u001b[${codes[colour]}m${text}\u001b[0m`
}

/** Of nodes, jobs, allocations and slots; any other is left as it is. */
const colourOf: { readonly [state: string]: Colour } = {
  alive: 'green',
  running: 'green',
  placed: 'green',
  pending: 'yellow',
  starting: 'yellow',
  stopping: 'yellow',
  placing: 'yellow',
  waiting: 'yellow',
  'backing-off': 'yellow',
  degraded: 'yellow',
  suspect: 'yellow',
  draining: 'yellow',
  down: 'red',
  failed: 'red',
  lost: 'red',
  complete: 'grey',
  left: 'grey',
}

/** A state as it is shown; `text` where more is said of it. */
export function stateCell(state: string, text = state) {
  return { text, colour: colourOf[state] }
}
