/** HTML made of texts that come from anywhere: what is put in is escaped, unless it is markup already. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Part = Markup | string | number | null | undefined | false | readonly Part[]

/** `html`<td>${name}</td>``: the parts are escaped, lists are joined, nothing is left out of nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.map((text, i) => text + render(parts[i])).join(''))
}

/** `<name a="…">children</name>`; attributes that are undefined are left out. */
export function element(
  name: string,
  attributes: { readonly [name: string]: string | number | undefined },
  ...children: readonly Part[]
): Markup {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
  return new Markup(`<${name}${written.join('')}>${render(children)}</${name}>`)
}

function render(part: Part): string {
  if (part === undefined || part === null || part === false) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'object') return part.map(render).join('')
  return escaped(String(part))
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** For a script element: JSON that cannot end it. */
export function jsonMarkup(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll('<', '\\u003c'))
}
