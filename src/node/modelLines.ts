import {
  acceptLineCall,
  addVersionCall,
  createLineCall,
  type DeprecationReason,
  deprecateCall,
  type Inclusion,
  offerLineCall,
  type RegisteredModel,
  readLine,
  readModel,
  setPayeeCall,
} from '../chain/index.ts'
import type { Address, Digest } from '../protocol/index.ts'
import { ChainRefusal } from './chainRefusals.ts'
import { type ChainSession, senderOf } from './chainSession.ts'

/** Throws ChainRefusal `model-unregistered`. */
export async function findModel(session: ChainSession, id: Digest): Promise<RegisteredModel> {
  const model = await readModel(session.chain, id)
  if (model !== undefined) return model
  throw new ChainRefusal(
    { code: 'model-unregistered', model: id, hint: 'opg model register' },
    `nobody has registered model ${id}`,
  )
}

async function ownModel(session: ChainSession, id: Digest): Promise<RegisteredModel> {
  const model = await findModel(session, id)
  const sender = senderOf(session)
  if (model.owner === sender) return model
  throw new ChainRefusal(
    { code: 'not-publisher', expected: model.owner, got: sender, hint: 'give the publisher’s wallet by --wallet' },
    `expected the wallet of ${model.owner}, who publishes ${model.name}, got ${sender}`,
  )
}

/**
 * Registers a model as the first version of the sender's line of that name, or as the next version of it. Throws
 * ChainRefusal `model-taken`, ChainError.
 */
export async function registerModel(
  session: ChainSession,
  model: { readonly id: Digest; readonly name: string; readonly payee?: Address },
): Promise<Inclusion> {
  const { id, name } = model
  const taken = await readModel(session.chain, id)
  if (taken !== undefined) {
    throw new ChainRefusal(
      { code: 'model-taken', model: id, owner: taken.owner },
      `model ${id} is registered already, as version ${taken.version} of ${taken.name} by ${taken.owner}`,
    )
  }
  const { contracts } = session.network
  const line = await readLine(session.chain, senderOf(session), name)
  if (line === undefined) return await session.send(createLineCall(contracts, model))
  const { head } = await findModel(session, line)
  return await session.send(addVersionCall(contracts, { ...model, previous: head }))
}

/** Throws ChainRefusal `model-unregistered | not-publisher | successor-invalid`, ChainError. */
export async function deprecateModel(
  session: ChainSession,
  id: Digest,
  why: { readonly reason: DeprecationReason; readonly successor?: Digest },
): Promise<Inclusion> {
  await ownModel(session, id)
  if (why.successor === id) {
    throw new ChainRefusal({ code: 'successor-invalid', model: id }, 'expected another model as its successor')
  }
  if (why.successor !== undefined) await findModel(session, why.successor)
  return await session.send(deprecateCall(session.network.contracts, id, why))
}

/** Throws ChainRefusal `model-unregistered | not-publisher`, ChainError. */
export async function changePayee(session: ChainSession, id: Digest, payee: Address): Promise<Inclusion> {
  await ownModel(session, id)
  return await session.send(setPayeeCall(session.network.contracts, id, payee))
}

/** Offers the line of a model to another account, which must accept it. Throws ChainRefusal, ChainError. */
export async function offerLine(session: ChainSession, id: Digest, to: Address): Promise<Inclusion> {
  const { line } = await ownModel(session, id)
  return await session.send(offerLineCall(session.network.contracts, line, to))
}

/**
 * Takes over the line of a model that was offered to the sender. Throws ChainRefusal `model-unregistered | not-offered |
 * name-taken`, ChainError.
 */
export async function acceptLine(session: ChainSession, id: Digest): Promise<Inclusion> {
  const { line, pendingOwner, name } = await findModel(session, id)
  const sender = senderOf(session)
  if (pendingOwner !== sender) {
    throw new ChainRefusal(
      { code: 'not-offered', expected: pendingOwner ?? 'nobody', got: sender },
      `${name} was not offered to ${sender}${pendingOwner === undefined ? '' : `, but to ${pendingOwner}`}`,
    )
  }
  if ((await readLine(session.chain, sender, name)) !== undefined) {
    throw new ChainRefusal(
      { code: 'name-taken', name, owner: sender, hint: 'let another of your wallets accept it' },
      `${sender} publishes a line of the name ${name} already`,
    )
  }
  return await session.send(acceptLineCall(session.network.contracts, line))
}

export { DEPRECATION, type DeprecationReason, type RegisteredModel } from '../chain/index.ts'
