import { z } from 'zod'
import {
  type Address,
  type Digest,
  EVIDENCE_KIND,
  type EvidenceKind,
  fail,
  isAddress,
  isDigest,
  ok,
  type Profile,
  type Result,
  toChecksumAddress,
  utf8,
} from '../protocol/index.ts'
import { MAX_BOOTSTRAP, MAX_NETWORK_FILE_BYTES, MAX_TRUST_ROOTS } from './constants.ts'
import { ChainError } from './errors.ts'

/** Where the contracts of one network are. */
export interface NetworkContracts {
  readonly opg: Address
  readonly stakeManager: Address
  readonly committee: Address
  readonly batchAnchor: Address
}

/** Everything a node must know of a network before it asks anybody (R2): `network.json`. */
export interface NetworkFile {
  readonly name: string
  readonly profile: Profile
  readonly chainId: number
  readonly networkId: Digest
  readonly contracts: NetworkContracts
  /** Block that created StakeManager. */
  readonly deploymentBlock: number
  /** Seconds since 1970 at which epoch 0 begins. */
  readonly genesisTimestamp: number
  readonly epochSeconds: number
  /** Certificates evidence may start from, by the SHA-256 of their DER (R6). */
  readonly trustRoots: readonly { readonly name: string; readonly kind: EvidenceKind; readonly sha256: Digest }[]
  /** Multiaddresses with peer ids. */
  readonly bootstrap: readonly string[]
}

const digest = z.custom<Digest>(isDigest, 'expected 0x and 64 lower-case hex digits')
/** EIP-55 in the file, lower case inside; all lower case carries no checksum and is taken as it is. */
const address = z
  .string()
  .refine(
    (text) => isAddress(text.toLowerCase()) && (isAddress(text) || toChecksumAddress(lower(text)) === text),
    'expected an address in its EIP-55 form',
  )
  .transform(lower)
const positive = z.number().int().positive()

const schema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected 1 to 32 of a-z, 0-9 and -'),
  profile: z.enum(['devnet', 'production']),
  chainId: positive,
  networkId: digest,
  contracts: z.strictObject({ opg: address, stakeManager: address, committee: address, batchAnchor: address }),
  deploymentBlock: positive,
  genesisTimestamp: positive,
  epochSeconds: positive,
  trustRoots: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(100),
        kind: z.enum(Object.keys(EVIDENCE_KIND) as [EvidenceKind, ...EvidenceKind[]]),
        sha256: digest,
      }),
    )
    .max(MAX_TRUST_ROOTS),
  bootstrap: z.array(z.string().startsWith('/').max(256)).max(MAX_BOOTSTRAP),
})

function lower(text: string): Address {
  return text.toLowerCase() as Address
}

const malformed = (problems: readonly string[]): { readonly ok: false; readonly error: ChainError } =>
  fail(
    new ChainError(
      { code: 'network-file-malformed', problems },
      `expected a network file; ${problems.join('; ')}; fetch it again from whoever runs the network`,
    ),
  )

/** Reads `network.json`. Unknown members are refused. ChainError `network-file-malformed` lists every problem. */
export function parseNetworkFile(text: string): Result<NetworkFile, ChainError> {
  if (utf8(text).length > MAX_NETWORK_FILE_BYTES)
    return malformed([`it is larger than ${MAX_NETWORK_FILE_BYTES} bytes`])
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return malformed(['it is not JSON'])
    throw error
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return ok(parsed.data)
  return malformed(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`))
}

/** Writes `network.json`: indented JSON, addresses in EIP-55. */
export function formatNetworkFile(file: NetworkFile): string {
  const { opg, stakeManager, committee, batchAnchor } = file.contracts
  const contracts = {
    opg: toChecksumAddress(opg),
    stakeManager: toChecksumAddress(stakeManager),
    committee: toChecksumAddress(committee),
    batchAnchor: toChecksumAddress(batchAnchor),
  }
  return `${JSON.stringify({ ...file, contracts }, null, 2)}\n`
}
