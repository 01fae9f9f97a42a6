import type { XmlElement } from './parse.ts'

/**
 * Canonical XML 1.0 and 1.1 of an element as the apex of a document or of a part of it, without `omitted`: the two differ in
 * attributes of XML itself alone, which `parseXml` refuses. Inclusive: the apex has every namespace in its scope.
 */
export function canonicalXml(apex: XmlElement, omitted?: XmlElement): Uint8Array {
  const parts: string[] = []
  render(apex, new Map(), parts, omitted)
  return new TextEncoder().encode(parts.join(''))
}

function render(
  element: XmlElement,
  rendered: ReadonlyMap<string, string>,
  parts: string[],
  omitted: XmlElement | undefined,
): void {
  const name = nameOf(element)
  parts.push('<', name)
  const namespaces = [...element.scope].filter(([prefix, uri]) => rendered.get(prefix) !== uri).sort(byFirst)
  for (const [prefix, uri] of namespaces)
    parts.push(prefix === '' ? ' xmlns' : ` xmlns:${prefix}`, '="', quoted(uri), '"')
  const attributes = element.attributes
    .map((attribute) => [`${attribute.namespace} ${attribute.local}`, attribute] as const)
    .sort(byFirst)
  for (const [, attribute] of attributes) parts.push(' ', nameOf(attribute), '="', quoted(attribute.value), '"')
  parts.push('>')
  for (const child of element.children) {
    if (typeof child === 'string') parts.push(escaped(child))
    else if (child !== omitted) render(child, element.scope, parts, omitted)
  }
  parts.push('</', name, '>')
}

const nameOf = ({ prefix, local }: { readonly prefix: string; readonly local: string }): string =>
  prefix === '' ? local : `${prefix}:${local}`

/** By code units: names are ASCII, and no namespace holds a blank, so that none sorts before all others. */
const byFirst = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number =>
  left < right ? -1 : left > right ? 1 : 0

const escaped = (text: string): string =>
  text.replace(/[&<>\r]/g, (letter) => TEXT_ESCAPES[letter as keyof typeof TEXT_ESCAPES])
const quoted = (value: string): string =>
  value.replace(/[&<"\t\n\r]/g, (letter) => VALUE_ESCAPES[letter as keyof typeof VALUE_ESCAPES])

const TEXT_ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' } as const
const VALUE_ESCAPES = { '&': '&amp;', '<': '&lt;', '"': '&quot;', '\t': '&#x9;', '\n': '&#xA;', '\r': '&#xD;' } as const
