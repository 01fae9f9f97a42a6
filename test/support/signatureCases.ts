import { constants, createPublicKey, ECDH, generateKeyPairSync, type KeyObject, publicDecrypt, sign } from 'node:crypto'
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from '../../src/attestation/crypto.ts'

/** What a port is asked, and what it must answer. */
export interface SignatureCase {
  readonly name: string
  readonly algorithm: SignatureAlgorithm
  readonly spki: Uint8Array
  readonly signature: Uint8Array
  readonly message: Uint8Array
  readonly expected: boolean
}

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

interface Signer {
  readonly key: string
  readonly hash: string
  readonly padding?: number
  readonly saltLength?: number
}

const { RSA_PKCS1_PADDING: PKCS1, RSA_PKCS1_PSS_PADDING: PSS } = constants
const SIGNERS: Readonly<Record<SignatureAlgorithm, Signer>> = {
  ES256: { key: 'P-256', hash: 'sha256' },
  ES384: { key: 'P-384', hash: 'sha384' },
  PS384: { key: 'RSA', hash: 'sha384', padding: PSS, saltLength: 48 },
  RS256: { key: 'RSA', hash: 'sha256', padding: PKCS1 },
  RS384: { key: 'RSA', hash: 'sha384', padding: PKCS1 },
}
/** What a key of ours might sign besides, under no algorithm of ours. */
const OTHER_SIGNERS: readonly Signer[] = [
  { key: 'P-256', hash: 'sha384' },
  { key: 'P-384', hash: 'sha256' },
  { key: 'RSA', hash: 'sha384', padding: PSS, saltLength: 32 },
  { key: 'RSA', hash: 'sha384', padding: PSS, saltLength: 0 },
  { key: 'RSA', hash: 'sha512', padding: PKCS1 },
]

const LEAST_RSA_BITS = 2048
/** Sizes of other keys of vendors and clouds. */
const LARGER_RSA_BITS = [3072, 4096] as const

const MESSAGE = new TextEncoder().encode('evidence')

const ec = (namedCurve: string): KeyPair => generateKeyPairSync('ec', { namedCurve })
const rsa = (modulusLength: number): KeyPair => generateKeyPairSync('rsa', { modulusLength })
const spkiOf = ({ publicKey }: KeyPair): Uint8Array =>
  Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))

interface Keys {
  /** By the name that `Signer.key` has; others are of types that nothing here is signed with. */
  readonly byType: ReadonlyMap<string, KeyPair>
  /** Of the same types as those that sign. */
  readonly strangers: ReadonlyMap<string, KeyPair>
  readonly otherRsa: readonly (readonly [name: string, key: KeyPair])[]
}

function generateKeys(): Keys {
  const byType = new Map<string, KeyPair>([
    ...['P-256', 'P-384', 'P-521', 'secp256k1'].map((curve) => [curve, ec(curve)] as const),
    ['RSA', rsa(LEAST_RSA_BITS)],
    ['RSASSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: LEAST_RSA_BITS })],
    ['Ed25519', generateKeyPairSync('ed25519')],
    ['X25519', generateKeyPairSync('x25519')],
  ])
  const strangers = new Map([
    ['P-256', ec('P-256')],
    ['P-384', ec('P-384')],
    ['RSA', rsa(LEAST_RSA_BITS)],
  ])
  const three = generateKeyPairSync('rsa', { modulusLength: LEAST_RSA_BITS, publicExponent: 3 })
  const larger = LARGER_RSA_BITS.map((bits) => [`a key of ${bits} bits`, rsa(bits)] as const)
  return { byType, strangers, otherRsa: [...larger, ['an exponent of 3', three]] }
}

/** Every case of every algorithm, each by a name of its own, under keys made anew. */
export function signatureCases(): readonly SignatureCase[] {
  const keys = generateKeys()
  return SIGNATURE_ALGORITHMS.flatMap((algorithm) => casesOf(algorithm, keys))
}

function casesOf(algorithm: SignatureAlgorithm, { byType, strangers, otherRsa }: Keys): SignatureCase[] {
  const signer = SIGNERS[algorithm]
  const key = byType.get(signer.key)!
  const isRsa = signer.key === 'RSA'
  const asked = { algorithm, spki: spkiOf(key), signature: signed(signer, key), message: MESSAGE }
  const named = (expected: boolean, name: string, change: Partial<SignatureCase>): SignatureCase => ({
    ...asked,
    name: `${algorithm}, ${name}`,
    expected,
    ...change,
  })
  const good = (name: string, change: Partial<SignatureCase> = {}) => named(true, name, change)
  const bad = (name: string, change: Partial<SignatureCase>) => named(false, name, change)
  const larger = { spki: within(asked.spki), signature: within(asked.signature), message: within(asked.message) }
  const signatures = [...wrongSignatures(asked.signature), ...foreignSignatures(signer, key)]
  const keys = [...wrongKeys(key), ...(isRsa ? evenAndLargeExponents(key) : wrongPoints(signer.key, key))]
  return [
    good('as it is'),
    good('within larger buffers', larger),
    ...(isRsa ? otherRsa : []).map(([name, other]) =>
      good(name, { spki: spkiOf(other), signature: signed(signer, other) }),
    ),
    bad('another message', { message: flipped(MESSAGE, 0) }),
    bad('a message cut short', { message: MESSAGE.subarray(1) }),
    ...signatures.map(([name, signature]) => bad(name, { signature })),
    ...(isRsa ? [bad('an exponent of 1', forgedUnderOne(key, asked.signature))] : []),
    ...[...byType].flatMap(([name, other]) =>
      name === signer.key ? [] : [bad(`a key of ${name}`, { spki: spkiOf(other) })],
    ),
    bad('another key of its type', { spki: spkiOf(strangers.get(signer.key)!) }),
    ...keys.map(([name, spki]) => bad(name, { spki })),
  ]
}

function signed({ hash, padding, saltLength }: Signer, { privateKey }: KeyPair): Uint8Array {
  const scheme = padding === undefined ? { dsaEncoding: 'ieee-p1363' as const } : { padding }
  const salt = saltLength === undefined ? {} : { saltLength }
  return Uint8Array.from(sign(hash, MESSAGE, { key: privateKey, ...scheme, ...salt }))
}

/** The same bytes in the middle of other ones. */
const within = (bytes: Uint8Array): Uint8Array => Uint8Array.of(9, ...bytes, 9).subarray(1, -1)

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = new Uint8Array(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

type Named = readonly (readonly [name: string, bytes: Uint8Array])[]

const wrongSignatures = (signature: Uint8Array): Named => [
  ['its first bit changed', flipped(signature, 0)],
  ['its last bit changed', flipped(signature, signature.length - 1)],
  ['without its first byte', signature.subarray(1)],
  ['without its last byte', signature.subarray(0, -1)],
  ['a zero before it', Uint8Array.of(0, ...signature)],
  ['a zero after it', Uint8Array.of(...signature, 0)],
  ['no signature', new Uint8Array(0)],
  ['a signature of zeros', new Uint8Array(signature.length)],
  ['a signature of ones', new Uint8Array(signature.length).fill(0xff)],
]

/** By the right key, under another algorithm or in another form. */
function foreignSignatures(signer: Signer, key: KeyPair): Named {
  const others = [...Object.values(SIGNERS), ...OTHER_SIGNERS].filter(
    (other) => other.key === signer.key && other !== signer,
  )
  const named = others.map((other) => [`a signature by ${JSON.stringify(other)}`, signed(other, key)] as const)
  if (signer.key === 'RSA') return named
  const der = sign(signer.hash, MESSAGE, { key: key.privateKey, dsaEncoding: 'der' })
  return [...named, ['a signature in DER', Uint8Array.from(der)]]
}

function wrongKeys(key: KeyPair): Named {
  const spki = spkiOf(key)
  return [
    ['no key', new Uint8Array(0)],
    ['a key of indefinite length', Uint8Array.of(0x30, 0x80)],
    ['a key of zeros', new Uint8Array(spki.length)],
    ['a key of ones', new Uint8Array(spki.length).fill(0xff)],
    ['a key with its tag changed', flipped(spki, 0)],
    ['a key without its first byte', spki.subarray(1)],
    ['a key without its last byte', spki.subarray(0, -1)],
    ['a zero before the key', Uint8Array.of(0, ...spki)],
    ['a zero after the key', Uint8Array.of(...spki, 0)],
    ['a key in PEM', new TextEncoder().encode(String(key.publicKey.export({ type: 'spki', format: 'pem' })))],
    ['the private key', Uint8Array.from(key.privateKey.export({ type: 'pkcs8', format: 'der' }))],
  ]
}

const OPENSSL_NAMES: Readonly<Record<string, string>> = { 'P-256': 'prime256v1', 'P-384': 'secp384r1' }

/** Encodings of the right point that certificates here may not have (RFC 5480, 2.2), and no point at all. */
function wrongPoints(curve: string, key: KeyPair): Named {
  const spki = spkiOf(key)
  const width = curve === 'P-256' ? 32 : 48
  const point = spki.subarray(-1 - 2 * width)
  const identifier = spki.subarray(2, spki.length - point.length - 3)
  const encoded = (form: 'compressed' | 'hybrid'): Uint8Array => {
    const bytes = ECDH.convertKey(point, OPENSSL_NAMES[curve]!, undefined, undefined, form) as Buffer
    const content = Uint8Array.of(...identifier, 0x03, bytes.length + 1, 0, ...bytes)
    return Uint8Array.of(0x30, content.length, ...content)
  }
  return [
    ['a point off the curve', flipped(spki, spki.length - 1)],
    ['a compressed point', encoded('compressed')],
    ['a hybrid point', encoded('hybrid')],
  ]
}

function withExponent({ publicKey }: KeyPair, exponent: readonly number[]): Uint8Array {
  const key = { ...publicKey.export({ format: 'jwk' }), e: Buffer.from(exponent).toString('base64url') }
  return Uint8Array.from(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'der' }))
}

const evenAndLargeExponents = (key: KeyPair): Named => [
  ['an even exponent', withExponent(key, [1, 0, 0])],
  ['an exponent of 33 bits', withExponent(key, [1, 0, 0, 0, 1])],
]

/** Under an exponent of 1 everybody can sign: the padded message is its own signature. */
function forgedUnderOne(
  key: KeyPair,
  signature: Uint8Array,
): { readonly spki: Uint8Array; readonly signature: Uint8Array } {
  const padded = publicDecrypt({ key: key.publicKey, padding: constants.RSA_NO_PADDING }, signature)
  return { spki: withExponent(key, [1]), signature: Uint8Array.from(padded) }
}
