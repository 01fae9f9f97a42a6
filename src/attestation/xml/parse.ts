/** Bytes are not XML as read here. Caught where a document is parsed; it never leaves this room. */
export class XmlError extends Error {}

export interface XmlAttribute {
  /** Empty where the name has no prefix. */
  readonly prefix: string
  readonly local: string
  /** Empty without a prefix: default namespaces do not reach attributes. */
  readonly namespace: string
  readonly value: string
}

export interface XmlElement {
  readonly prefix: string
  readonly local: string
  readonly namespace: string
  readonly attributes: readonly XmlAttribute[]
  /** Every namespace in scope by prefix, the default one under the empty prefix. */
  readonly scope: ReadonlyMap<string, string>
  readonly children: readonly (XmlElement | string)[]
}

/** Manifests nest six deep and have under a hundred elements, the widest with as many attributes as alternatives. */
const MAX_DEPTH = 16
const MAX_ELEMENTS = 4_096
const MAX_ATTRIBUTES = 256
/** Namespaces in scope of one element, which has a map of them: manifests declare three. */
const MAX_NAMESPACES = 16

const DECLARATION = /^<\?xml version="1\.0"(?: encoding="[Uu][Tt][Ff]-8")?(?: standalone="(?:yes|no)")?\?>/
const TAG = /<(\/?)((?:[A-Za-z_][A-Za-z0-9._-]*:)?[A-Za-z_][A-Za-z0-9._-]*)/y
const ATTRIBUTE =
  /[ \t\n]+((?:[A-Za-z_][A-Za-z0-9._-]*:)?[A-Za-z_][A-Za-z0-9._-]*)[ \t\n]*=[ \t\n]*(?:"([^"<]*)"|'([^'<]*)')/y
const TAG_END = /[ \t\n]*(\/?)>/y
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

interface OpenElement extends XmlElement {
  readonly name: string
  readonly children: (XmlElement | string)[]
}

/**
 * The part of XML 1.0 with namespaces that signed manifests are written in: elements, attributes and text in UTF-8. Document
 * types, other entities than the five of XML, comments, processing instructions, CDATA sections, names beyond ASCII and
 * attributes of XML itself are refused, so that one text has one reading. Throws XmlError.
 */
export function parseXml(bytes: Uint8Array): XmlElement {
  const text = decode(bytes)
  const parser = new Parser(text, DECLARATION.exec(text)?.[0].length ?? 0)
  return parser.document()
}

function decode(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r\n?/g, '\n')
    for (let at = 0; at < text.length; at += 1)
      if (!isAllowed(text.charCodeAt(at))) throw new XmlError(`the letter ${text.charCodeAt(at)}`)
    return text
  } catch (cause) {
    throw cause instanceof XmlError ? cause : new XmlError('bytes that are not UTF-8', { cause })
  }
}

/** XML 1.0, production 2; surrogates come in pairs out of a decoder. */
const isAllowed = (code: number): boolean =>
  code >= 0x20 ? code !== 0xfffe && code !== 0xffff : code === 9 || code === 10 || code === 13

class Parser {
  readonly #text: string
  #at: number
  #elements = 0

  constructor(text: string, at: number) {
    this.#text = text
    this.#at = at
  }

  document(): XmlElement {
    this.#blank()
    const open: OpenElement[] = []
    let root: XmlElement | undefined
    while (root === undefined) {
      const parent = open.at(-1)
      if (parent !== undefined) this.#characters(parent)
      const [, slash, name] = this.#match(TAG, 'a tag')
      if (slash === '/') {
        this.#match(TAG_END, 'the end of a tag')
        const closed = open.pop()
        if (closed?.name !== name) throw new XmlError(`</${name}> where ${closed?.name} ends`)
        if (open.length === 0) root = closed
        continue
      }
      const element = this.#element(name ?? '', parent)
      parent?.children.push(element)
      const [, empty] = this.#match(TAG_END, 'the end of a tag')
      if (empty !== '/') open.push(element)
      else if (parent === undefined) root = element
      if (open.length > MAX_DEPTH) throw new XmlError(`more than ${MAX_DEPTH} levels`)
    }
    this.#blank()
    if (this.#at !== this.#text.length) throw new XmlError('something after the document')
    return root
  }

  #element(name: string, parent: XmlElement | undefined): OpenElement {
    this.#elements += 1
    if (this.#elements > MAX_ELEMENTS) throw new XmlError(`more than ${MAX_ELEMENTS} elements`)
    const declared = new Map<string, string>()
    const named: (readonly [name: string, value: string])[] = []
    for (let found = this.#attribute(); found !== undefined; found = this.#attribute()) {
      const [attribute, value] = found
      const prefix = attribute === 'xmlns' ? '' : attribute.startsWith('xmlns:') ? attribute.slice(6) : undefined
      if (prefix === undefined) named.push(found)
      else if (declared.has(prefix) || !/^[!-~]+$/.test(value) || /^xml/i.test(prefix))
        throw new XmlError(`${attribute}="${value}"`)
      else declared.set(prefix, value)
      if (named.length + declared.size > MAX_ATTRIBUTES) throw new XmlError(`more than ${MAX_ATTRIBUTES} attributes`)
    }
    const scope = declared.size === 0 && parent ? parent.scope : new Map([...(parent?.scope ?? []), ...declared])
    if (scope.size > MAX_NAMESPACES) throw new XmlError(`more than ${MAX_NAMESPACES} namespaces in scope`)
    const attributes = named.map(([each, value]) => ({ ...resolve(each, scope, true), value }))
    const expanded = new Set(attributes.map(({ namespace, local }) => `${namespace} ${local}`))
    if (expanded.size !== attributes.length) throw new XmlError(`an attribute of ${name} twice`)
    return { name, ...resolve(name, scope, false), attributes, scope, children: [] }
  }

  #attribute(): readonly [name: string, value: string] | undefined {
    ATTRIBUTE.lastIndex = this.#at
    const match = ATTRIBUTE.exec(this.#text)
    if (match === null) return undefined
    this.#at = ATTRIBUTE.lastIndex
    const [, name = '', double, single = ''] = match
    return [name, unescaped((double ?? single).replace(/[\t\n]/g, ' '))]
  }

  #characters(parent: OpenElement): void {
    const end = this.#text.indexOf('<', this.#at)
    if (end < 0) throw new XmlError('an element without an end')
    if (end === this.#at) return
    const raw = this.#text.slice(this.#at, end)
    if (raw.includes(']]>')) throw new XmlError('the end of a CDATA section')
    parent.children.push(unescaped(raw))
    this.#at = end
  }

  #match(pattern: RegExp, what: string): RegExpExecArray {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) throw new XmlError(`${JSON.stringify(this.#text.slice(this.#at, this.#at + 16))}, not ${what}`)
    this.#at = pattern.lastIndex
    return match
  }

  #blank(): void {
    while (' \t\n'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1
  }
}

/** A name with its namespace; `xml` is declared nowhere and so has none here. */
function resolve(
  name: string,
  scope: ReadonlyMap<string, string>,
  isAttribute: boolean,
): Pick<XmlElement, 'prefix' | 'local' | 'namespace'> {
  const colon = name.indexOf(':')
  const prefix = colon < 0 ? '' : name.slice(0, colon)
  const namespace = prefix === '' && isAttribute ? '' : scope.get(prefix)
  if (namespace === undefined && prefix !== '') throw new XmlError(`the prefix ${prefix} of no namespace`)
  return { prefix, local: name.slice(colon + 1), namespace: namespace ?? '' }
}

function unescaped(raw: string): string {
  if (!raw.includes('&')) return raw
  return raw.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));|&/g, (_, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES.get(name) ?? stray(`&${name};`)
    if (decimal === undefined && hex === undefined) return stray('a stray &')
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || !isAllowed(code)) return stray(`the letter ${code}`)
    return String.fromCodePoint(code)
  })
}

function stray(what: string): never {
  throw new XmlError(what)
}
