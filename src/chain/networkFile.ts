import { z } from 'zod'
import {
  type Address,
  type Digest,
  fail,
  ok,
  type Profile,
  type Result,
  type TrustVendor,
  toChecksumAddress,
  utf8,
} from '../protocol/index.ts'
import { MAX_NETWORK_FILE_BYTES } from './constants.ts'
import { type ContractName, forEachContract } from './contractNames.ts'
import { ChainError } from './errors.ts'
import { address, bootstrap, digest, networkName, positive, problemsOf, profile, trustRoots } from './networkSchema.ts'

/** Where the contracts of one network are. */
export type NetworkContracts = { readonly [N in ContractName]: Address }

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
  readonly trustRoots: readonly { readonly name: string; readonly vendor: TrustVendor; readonly sha256: Digest }[]
  /** Multiaddresses with peer ids. */
  readonly bootstrap: readonly string[]
}

const schema = z.strictObject({
  name: networkName,
  profile,
  chainId: positive,
  networkId: digest,
  contracts: z.strictObject(forEachContract(() => address)),
  deploymentBlock: positive,
  genesisTimestamp: positive,
  epochSeconds: positive,
  trustRoots,
  bootstrap,
})

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
  return malformed(problemsOf(parsed.error))
}

/** Writes `network.json`: indented JSON, addresses in EIP-55. */
export function formatNetworkFile(file: NetworkFile): string {
  const contracts = forEachContract((name) => toChecksumAddress(file.contracts[name]))
  return `${JSON.stringify({ ...file, contracts }, null, 2)}\n`
}
