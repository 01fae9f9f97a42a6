import {
  type Collateral,
  devnetPolicy,
  type EvidencePolicy,
  encodeCollateral,
  type TrustRoot,
  trustRoot,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import { extension, octets, oid, sequence, utf8, der as write } from './derWriter.ts'
import { crypto, NOW } from './nitroMint.ts'
import { issueParty, type Party, type PartyRequest, pemOf, signBytes } from './testPki.ts'

export const NONCE = new Uint8Array(32).fill(0xab)
const FIRMWARE = new Uint8Array(48).fill(0xf1)

/** Generations of devices, as their certificates and reports look. */
export const DEVICES = {
  HOPPER: { chip: 'GH100', dice: '2.23.133.5.4.1', isSwitch: false },
  BLACKWELL: { chip: 'GB100', dice: '2.23.133.5.4.1.1', isSwitch: false },
  LS10: { chip: 'LS_10', dice: '2.23.133.5.4.1', isSwitch: true },
} as const
export type DeviceName = keyof typeof DEVICES

/** A report before it is written and signed. */
export interface ReportParts {
  request: number[]
  nonce: Uint8Array
  slot: number
  response: number[]
  /** By SPDM's index, which counts from 1. */
  blocks: Map<number, Uint8Array>
  opaque: Map<number, Uint8Array>
  /** Before the fields. */
  opaqueHeader: number[]
}

/** Where a minted device departs from a good one. */
export interface DeviceDeviation {
  readonly arch?: DeviceName
  /** Applied to the request of each certificate, root first; 4 is the leaf. */
  readonly certificate?: (request: PartyRequest, position: number) => PartyRequest
  /** Applied to the DER of the chain, root first. */
  readonly chain?: (ders: readonly Uint8Array[]) => readonly Uint8Array[]
  readonly report?: (parts: ReportParts) => void
  /** Applied to the bytes before they are signed, and after. */
  readonly unsigned?: (bytes: Uint8Array) => Uint8Array
  readonly signed?: (bytes: Uint8Array) => Uint8Array
  /** Sign with the key of this position instead of the leaf's. */
  readonly signer?: number
  readonly entry?: (entry: Record<string, unknown>) => void
  /** Distinguishes devices of one document. */
  readonly number?: number
}

export interface MintedDevice {
  readonly entry: Record<string, unknown>
  /** Root first. */
  readonly chain: readonly Party[]
}

export interface NvidiaMint {
  readonly roots: readonly TrustRoot[]
  readonly root: Party
  /** Root of the manifests. */
  readonly rimRoot: Party
  device(deviation?: DeviceDeviation): Promise<MintedDevice>
  document(...deviations: DeviceDeviation[]): Promise<Uint8Array>
}

const u16 = (value: number): number[] => [value & 0xff, value >> 8]
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
export const measurement = (index: number): Uint8Array => new Uint8Array(48).fill(index + 1)

const hashed = sequence(oid('2.16.840.1.101.3.4.2.2'), octets(FIRMWARE))

/** Hopper's composite device id, and Blackwell's TcbInfo, with a firmware id in each. */
const diceOf = (arch: DeviceName) =>
  arch === 'BLACKWELL'
    ? sequence(write(0x80, ascii('NVIDIA')), write(0x81, ascii('GB100')), write(0xa6, hashed))
    : sequence(write(0x02, [1]), sequence(oid('1.2.840.10045.2.1')), hashed)

const sanOf = (chip: string, number: number) =>
  sequence(write(0xa0, oid('1.3.6.1.4.1.412.274.1'), write(0xa0, utf8(`NVIDIA:${chip}:48B02D00000000${10 + number}`))))

/** A throw-away NVIDIA: its two roots, and devices under the one. */
export async function createNvidiaMint(): Promise<NvidiaMint> {
  const root = await issueParty({ subject: 'CN=OPG test device identity', ca: true })
  const rimRoot = await issueParty({ subject: 'CN=OPG test manifests', ca: true })
  const identity = await issueParty({ subject: 'CN=test identity', issuer: root, ca: true })
  const usual = new Map<string, Promise<readonly Party[]>>()

  const chainOf = async ({ arch = 'HOPPER', number = 0, certificate }: DeviceDeviation): Promise<readonly Party[]> => {
    const { chip, dice } = DEVICES[arch]
    const requests: PartyRequest[] = [
      { subject: root.subject, ca: true, keys: root.keys },
      { subject: identity.subject, ca: true, keys: identity.keys },
      { subject: `CN=test ${chip} provisioner`, ca: true },
      { subject: `CN=${chip} A01 GSP BROM, 2.5.4.5=4129${number}`, ca: true },
      {
        subject: `CN=${chip} A01 GSP FMC LF`,
        ca: false,
        extensions: [extension('2.5.29.17', sanOf(chip, number)), extension(dice, diceOf(arch))],
      },
    ]
    const chain: Party[] = []
    for (const [position, request] of requests.entries()) {
      const wanted = certificate?.(request, position) ?? request
      const known = position === 0 ? root : position === 1 ? identity : undefined
      const above = chain.at(-1)
      const issuing = above === undefined ? wanted : { issuer: above, ...wanted }
      chain.push(known !== undefined && wanted === request ? known : await issueParty(issuing))
    }
    return chain
  }
  const chainFor = (deviation: DeviceDeviation): Promise<readonly Party[]> => {
    if (deviation.certificate !== undefined) return chainOf(deviation)
    const key = `${deviation.arch ?? 'HOPPER'} ${deviation.number ?? 0}`
    const chain = usual.get(key) ?? chainOf(deviation)
    usual.set(key, chain)
    return chain
  }

  const device = async (deviation: DeviceDeviation = {}): Promise<MintedDevice> => {
    const arch = deviation.arch ?? 'HOPPER'
    const chain = await chainFor(deviation)
    const parts = partsOf(arch)
    deviation.report?.(parts)
    const written = writeReport(parts)
    const unsigned = deviation.unsigned?.(written) ?? written
    const signature = await signBytes(unsigned, chain[deviation.signer ?? chain.length - 1] as Party)
    const whole = Uint8Array.from([...unsigned, ...signature])
    const bytes = deviation.signed?.(whole) ?? whole
    const ders = chain.map((party) => party.der)
    const entry: Record<string, unknown> = {
      arch,
      certificate: Buffer.from(pemOf([...(deviation.chain?.(ders) ?? ders)].reverse())).toString('base64'),
      evidence: Buffer.from(bytes).toString('base64'),
      nonce: Buffer.from(parts.nonce).toString('hex'),
    }
    deviation.entry?.(entry)
    return { entry, chain }
  }

  return {
    root,
    rimRoot,
    roots: [trustRoot('test devices', 'nvidia', root.der), trustRoot('test manifests', 'nvidia-rim', rimRoot.der)],
    device,
    document: async (...deviations) => {
      const devices = await Promise.all((deviations.length === 0 ? [{}] : deviations).map(device))
      return ascii(JSON.stringify(devices.map(({ entry }) => entry)))
    },
  }
}

function partsOf(arch: DeviceName): ReportParts {
  const { isSwitch } = DEVICES[arch]
  const gpu: [number, Uint8Array][] = [
    [6, Uint8Array.of(0x00, 0xa5, 0x00, 0x96, 0x01, 0, 0, 0)],
    [15, ascii('885\0\0\0')],
    [17, ascii('G520\0')],
    [18, ascii('0200\0')],
    [3, ascii('550.1.2\0')],
    [11, Uint8Array.of(0x55)],
    [12, new Uint8Array(256)],
    [20, FIRMWARE],
    [34, Uint8Array.of(1, 0)],
    [36, Uint8Array.of(2, 0)],
  ]
  return {
    request: [0x11, 0xe0, 0x01, 0xff],
    nonce: NONCE,
    slot: 0,
    response: [0x11, 0x60, 0, 0],
    blocks: new Map(Array.from({ length: 40 }, (_, index) => [index + 1, measurement(index)])),
    opaque: new Map(
      isSwitch
        ? [
            [6, ascii('96.10.55.00.01')],
            [22, new Uint8Array(8)],
          ]
        : gpu,
    ),
    opaqueHeader: [],
  }
}

function writeReport({ request, nonce, slot, response, blocks, opaque, opaqueHeader }: ReportParts): Uint8Array {
  const record = [...blocks].flatMap(([index, value]) => [
    index,
    1,
    ...u16(value.length + 3),
    1,
    ...u16(value.length),
    ...value,
  ])
  const fields = [...opaque].flatMap(([type, value]) => [
    ...u16(type),
    ...(opaqueHeader.length > 0 ? [0, 0] : []),
    ...u16(value.length),
    ...value,
  ])
  const length = [record.length & 0xff, (record.length >> 8) & 0xff, record.length >> 16]
  const opaqueLength = u16(opaqueHeader.length + fields.length)
  return Uint8Array.from([
    ...request,
    ...nonce,
    slot,
    ...response,
    blocks.size,
    ...length,
    ...record,
    ...new Uint8Array(32).fill(7),
    ...opaqueLength,
    ...opaqueHeader,
    ...fields,
  ])
}

export interface JudgeOptions {
  readonly kind?: 'nvidia-gpu' | 'nvidia-switch'
  readonly collateral?: Collateral
  readonly now?: number
  readonly policy?: Partial<EvidencePolicy>
  readonly trustRoots?: readonly TrustRoot[]
  readonly expectedReportData?: Uint8Array
}

export const verifyMinted = (document: Uint8Array, mint: NvidiaMint, options: JudgeOptions = {}) =>
  verifyEvidence(
    { kind: options.kind ?? 'nvidia-gpu', document, collateral: encodeCollateral(options.collateral ?? new Map()) },
    {
      now: options.now ?? NOW,
      trustRoots: options.trustRoots ?? mint.roots,
      policy: { ...devnetPolicy(), ...options.policy },
      expectedReportData: options.expectedReportData ?? NONCE,
      crypto,
    },
  )

/** `accept`, or the error's code. */
export async function judgeMinted(document: Uint8Array, mint: NvidiaMint, options?: JudgeOptions): Promise<string> {
  const verdict = await verifyMinted(document, mint, options)
  return verdict.ok ? 'accept' : verdict.error.code
}
