import { encodeFunctionData } from 'viem'
import { readContract } from 'viem/actions'
import { type Address, type Digest, ZERO_ADDRESS, ZERO_DIGEST } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { modelRegistryAbi } from './contracts.ts'
import type { NetworkContracts } from './networkFile.ts'
import { known } from './stakeAccount.ts'
import { toSafeNumber } from './structs.ts'
import type { Call } from './transactions.ts'

/** `IModelRegistry.Deprecation`: why a version should not be used any more. */
export const DEPRECATION = { superseded: 1, defect: 2, security: 3, licence: 4, withdrawn: 5 } as const
export type DeprecationReason = keyof typeof DEPRECATION

/** One registered version of a model, and the line it belongs to. */
export interface RegisteredModel {
  readonly id: Digest
  readonly line: Digest
  readonly name: string
  readonly owner: Address
  /** Who may accept the line. */
  readonly pendingOwner: Address | undefined
  /** In its line, from 1. */
  readonly version: number
  readonly versions: number
  readonly previous: Digest | undefined
  /** The newest version of the line. */
  readonly head: Digest
  /** Undefined: the treasury. */
  readonly payee: Address | undefined
  /** Seconds since 1970. */
  readonly registeredAt: number
  readonly deprecation: { readonly reason: DeprecationReason; readonly successor: Digest | undefined } | undefined
}

type Reader = Pick<ChainClient, 'query' | 'network'>

const present = (digest: Digest): Digest | undefined => (digest === ZERO_DIGEST ? undefined : digest)

const registryOf = ({ network }: Reader) =>
  ({ address: network.contracts.modelRegistry, abi: modelRegistryAbi }) as const

/** Undefined: nobody registered it. Throws ChainError. */
export async function readModel(chain: Reader, id: Digest): Promise<RegisteredModel | undefined> {
  const registry = registryOf(chain)
  return await chain.query(async (client) => {
    const isRegistered = await readContract(client, { ...registry, functionName: 'isRegistered', args: [id] })
    if (!isRegistered) return undefined
    const model = await readContract(client, { ...registry, functionName: 'modelOf', args: [id] })
    const line = await readContract(client, { ...registry, functionName: 'lineOf', args: [model.line] })
    const reason = (Object.keys(DEPRECATION) as DeprecationReason[]).find(
      (name) => DEPRECATION[name] === model.deprecation,
    )
    return {
      id,
      line: model.line,
      name: line.name,
      owner: line.owner.toLowerCase() as Address,
      pendingOwner: known(line.pendingOwner),
      version: model.number,
      versions: line.versions,
      previous: present(model.previous),
      head: line.head,
      payee: known(model.payee),
      registeredAt: toSafeNumber(model.registeredAt),
      deprecation: reason === undefined ? undefined : { reason, successor: present(model.successor) },
    }
  })
}

/** The line an owner has under a name; undefined: none. Throws ChainError. */
export async function readLine(chain: Reader, owner: Address, name: string): Promise<Digest | undefined> {
  return present(
    await chain.query((client) =>
      readContract(client, { ...registryOf(chain), functionName: 'lineNamed', args: [owner, name] }),
    ),
  )
}

/** Starts a line of the sender's. */
export const createLineCall = (
  { modelRegistry }: NetworkContracts,
  { id, name, payee = ZERO_ADDRESS }: { readonly id: Digest; readonly name: string; readonly payee?: Address },
): Call => ({
  to: modelRegistry,
  data: encodeFunctionData({ abi: modelRegistryAbi, functionName: 'create', args: [id, name, payee] }),
})

/** Sent by the line's owner; `previous` is its newest version. */
export const addVersionCall = (
  { modelRegistry }: NetworkContracts,
  { id, previous, payee = ZERO_ADDRESS }: { readonly id: Digest; readonly previous: Digest; readonly payee?: Address },
): Call => ({
  to: modelRegistry,
  data: encodeFunctionData({ abi: modelRegistryAbi, functionName: 'addVersion', args: [id, previous, payee] }),
})

/** Sent by the line's owner: nobody should use this version any more. */
export const deprecateCall = (
  { modelRegistry }: NetworkContracts,
  id: Digest,
  { reason, successor = ZERO_DIGEST }: { readonly reason: DeprecationReason; readonly successor?: Digest },
): Call => ({
  to: modelRegistry,
  data: encodeFunctionData({
    abi: modelRegistryAbi,
    functionName: 'deprecate',
    args: [id, DEPRECATION[reason], successor],
  }),
})

/** Sent by the line's owner: who receives the hosts' share of a version. */
export const setPayeeCall = ({ modelRegistry }: NetworkContracts, id: Digest, payee: Address): Call => ({
  to: modelRegistry,
  data: encodeFunctionData({ abi: modelRegistryAbi, functionName: 'setPayee', args: [id, payee] }),
})

/** Sent by the line's owner: `to` may accept it. */
export const offerLineCall = ({ modelRegistry }: NetworkContracts, line: Digest, to: Address): Call => ({
  to: modelRegistry,
  data: encodeFunctionData({ abi: modelRegistryAbi, functionName: 'offerLine', args: [line, to] }),
})

/** Sent by whom the line was offered to. */
export const acceptLineCall = ({ modelRegistry }: NetworkContracts, line: Digest): Call => ({
  to: modelRegistry,
  data: encodeFunctionData({ abi: modelRegistryAbi, functionName: 'acceptLine', args: [line] }),
})
