import { Extension } from '@peculiar/x509'

type Part = Uint8Array | readonly number[]

/** One DER element around the parts of its content. */
export function der(tag: number, ...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const content = parts.flatMap((part) => [...part])
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Uint8Array.from([tag, ...size, ...content])
}

export const sequence = (...parts: readonly Part[]): Uint8Array<ArrayBuffer> => der(0x30, ...parts)
export const octets = (bytes: Part): Uint8Array<ArrayBuffer> => der(0x04, bytes)
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => der(0x0c, new TextEncoder().encode(text))
/** An INTEGER of unsigned bytes. */
export const integer = (bytes: Part): Uint8Array<ArrayBuffer> => {
  const from = [...bytes].findIndex((byte) => byte !== 0)
  const rest = from < 0 ? [0] : [...bytes].slice(from)
  return der(0x02, (rest[0] ?? 0) >= 0x80 ? [0, ...rest] : rest)
}

export function oid(text: string): Uint8Array<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const arcs = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return der(0x06, arcs)
}

/** A GeneralizedTime. */
export const time = (at: number): Uint8Array<ArrayBuffer> =>
  der(0x18, new TextEncoder().encode(`${new Date(at).toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`))

/** An ECDSA signature of IEEE P1363 as ECDSA-Sig-Value. */
export const ecdsaValue = (signature: Uint8Array): Uint8Array<ArrayBuffer> =>
  sequence(integer(signature.subarray(0, signature.length / 2)), integer(signature.subarray(signature.length / 2)))

export const extension = (id: string, value: Uint8Array<ArrayBuffer>, critical = false): Extension =>
  new Extension(id, critical, value)
