import { encodeFunctionData } from 'viem'
import { readContract } from 'viem/actions'
import { type Digest, ZERO_DIGEST } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { measurementRegistryAbi } from './contracts.ts'
import type { NetworkContracts } from './networkFile.ts'
import { toSafeNumber } from './structs.ts'
import type { Call } from './transactions.ts'

/** The policy in effect in an epoch (R14). */
export interface PublishedPolicy {
  /** Root of the policy's tree. */
  readonly root: Digest
  /** SHA-256 of the policy document. */
  readonly digest: Digest
  /** The first epoch it is in effect. */
  readonly from: number
}

/** One program: the code of its evidence's kind, and the digest that names it for the registry. */
export interface MeasurementName {
  readonly kind: number
  readonly digest: Digest
}

type Reader = Pick<ChainClient, 'query' | 'network'>

const registryOf = ({ network }: Reader) =>
  ({ address: network.contracts.measurementRegistry, abi: measurementRegistryAbi }) as const

/** Undefined: none was published for the epoch or before it. Throws ChainError. */
export async function readPolicy(chain: Reader, epoch: number): Promise<PublishedPolicy | undefined> {
  const { root, digest, from } = await chain.query((client) =>
    readContract(client, { ...registryOf(chain), functionName: 'policyOf', args: [BigInt(epoch)] }),
  )
  return root === ZERO_DIGEST ? undefined : { root, digest, from: toSafeNumber(from) }
}

/** Whether each program counts in an epoch, in the order asked. Throws ChainError. */
export async function readAllowed(
  chain: Reader,
  measurements: readonly MeasurementName[],
  epoch: number,
): Promise<boolean[]> {
  return await chain.query(async (client) => {
    const allowed: boolean[] = []
    for (const { kind, digest } of measurements) {
      const args = [kind, digest, BigInt(epoch)] as const
      allowed.push(await readContract(client, { ...registryOf(chain), functionName: 'isAllowed', args }))
    }
    return allowed
  })
}

/** Sent by governance: the policy of epoch `from`, a coming one, and of those after it. */
export const publishPolicyCall = (
  { measurementRegistry }: NetworkContracts,
  { root, digest, from }: PublishedPolicy,
  uri: string,
): Call => ({
  to: measurementRegistry,
  data: encodeFunctionData({
    abi: measurementRegistryAbi,
    functionName: 'publishPolicy',
    args: [root, BigInt(from), digest, uri],
  }),
})

const programCall =
  (functionName: 'allow' | 'revoke') =>
  ({ measurementRegistry }: NetworkContracts, { kind, digest }: MeasurementName, from: number): Call => ({
    to: measurementRegistry,
    data: encodeFunctionData({ abi: measurementRegistryAbi, functionName, args: [kind, digest, BigInt(from)] }),
  })

/** Sent by governance: a program counts from epoch `from`, a coming one, on. */
export const allowMeasurementCall = programCall('allow')

/** Sent by the guardian or governance: a program ends with epoch `from`, which runs or comes. */
export const revokeMeasurementCall = programCall('revoke')
