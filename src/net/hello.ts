import { bytesToHex, type Digest, hexToBytes } from '../protocol/index.ts'

/** Spoken first on every connection, by the dialer; the only protocol of ours whose name does not hold a network id. */
export const HELLO_PROTOCOL = '/opg/hello/1'

const VERSION = 1
const ID_BYTES = 32

/** Verdicts of the answer; 0 is refused as everywhere in the protocol. */
export const HELLO_VERDICTS = { welcome: 1, 'foreign-network': 2, refused: 3 } as const
export type HelloVerdict = keyof typeof HELLO_VERDICTS

/** `version (1) | networkId (32)`: 33 bytes (R2). */
export function encodeHello(networkId: Digest): Uint8Array {
  const bytes = new Uint8Array(1 + ID_BYTES)
  bytes[0] = VERSION
  bytes.set(hexToBytes(networkId), 1)
  return bytes
}

/** The caller's network id; undefined for anything but a hello of this version. */
export function decodeHello(bytes: Uint8Array): Digest | undefined {
  if (bytes.length !== 1 + ID_BYTES || bytes[0] !== VERSION) return undefined
  return bytesToHex(bytes.subarray(1))
}

export interface HelloAnswer {
  readonly verdict: HelloVerdict
  readonly networkId: Digest
}

/** `version (1) | verdict (1) | networkId (32)`: 34 bytes. */
export function encodeHelloAnswer(answer: HelloAnswer): Uint8Array {
  const bytes = new Uint8Array(2 + ID_BYTES)
  bytes[0] = VERSION
  bytes[1] = HELLO_VERDICTS[answer.verdict]
  bytes.set(hexToBytes(answer.networkId), 2)
  return bytes
}

export function decodeHelloAnswer(bytes: Uint8Array): HelloAnswer | undefined {
  if (bytes.length !== 2 + ID_BYTES || bytes[0] !== VERSION) return undefined
  for (const verdict of Object.keys(HELLO_VERDICTS) as HelloVerdict[]) {
    if (HELLO_VERDICTS[verdict] === bytes[1]) return { verdict, networkId: bytesToHex(bytes.subarray(2)) }
  }
  return undefined
}
