/** ASN.1 tags read here (X.690, 8.1.2). */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** Tag of a context-specific element. */
export const context = (number: number, constructed: boolean): number => (constructed ? 0xa0 : 0x80) | number

/** Bytes are not DER, or not of the type expected there. Caught where a document is parsed; it never leaves this room. */
export class DerError extends Error {}

/** One element of definite length. */
export interface Element {
  readonly tag: number
  /** The content alone. */
  readonly content: Uint8Array
  /** Tag, length and content, as signed. */
  readonly whole: Uint8Array
}

/** Most elements are read for one of the two views alone, so each is made when asked for. */
class View implements Element {
  readonly tag: number
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #from: number
  readonly #end: number

  constructor(tag: number, bytes: Uint8Array, start: number, from: number, end: number) {
    this.tag = tag
    this.#bytes = bytes
    this.#start = start
    this.#from = from
    this.#end = end
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#end)
  }

  get whole(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }
}

/** Lengths up to 2^24 - 1 (X.690, 10.1: definite, in the fewest bytes). */
const MAX_LENGTH_BYTES = 3

/** Reads elements one after another; everything it returns is a view of the input. Throws DerError. */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The tag of the next element, undefined at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#at]
  }

  next(): Element {
    const start = this.#at
    const tag = this.#byte()
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of more than one byte')
    const length = this.#length()
    const from = this.#at
    if (length > this.#bytes.length - from) throw new DerError(`${length} bytes of content where fewer are left`)
    this.#at = from + length
    return new View(tag, this.#bytes, start, from, this.#at)
  }

  expect(tag: number): Element {
    const element = this.next()
    if (element.tag !== tag) throw new DerError(`tag ${element.tag} where ${tag} belongs`)
    return element
  }

  /** The next element if it has this tag. */
  optional(tag: number): Element | undefined {
    return this.peek() === tag ? this.next() : undefined
  }

  /** A reader of what a constructed element holds. */
  enter(tag: number): DerReader {
    return new DerReader(this.expect(tag).content)
  }

  /** Throws when something is left. */
  end(): void {
    if (!this.done) throw new DerError(`${this.#bytes.length - this.#at} bytes left over`)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new DerError('an end where a byte belongs')
    this.#at += 1
    return byte
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > MAX_LENGTH_BYTES) throw new DerError('an indefinite or overlong length')
    let length = 0
    for (let read = 0; read < count; read += 1) length = length * 256 + this.#byte()
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('a length not in the fewest bytes')
    return length
  }
}

/** The sole element of `bytes`. */
export function soleElement(bytes: Uint8Array, tag: number): Element {
  const reader = new DerReader(bytes)
  const element = reader.expect(tag)
  reader.end()
  return element
}
