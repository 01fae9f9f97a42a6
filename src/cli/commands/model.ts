import { basename, dirname } from 'node:path'
import {
  acceptLine,
  type ChainSession,
  changePayee,
  type DeprecationReason,
  deprecateModel,
  findModel,
  offerLine,
  type RegisteredModel,
  readModelFolder,
  registerModel,
} from '../../node/index.ts'
import { type Address, type Digest, MANIFEST_PATH, toChecksumAddress } from '../../protocol/index.ts'
import type { CliContext, CommandResult } from '../context.ts'
import { renderModel } from '../render/model.ts'
import { renderFacts } from '../render/table.ts'
import { type ChainOptions, withReader, withSender } from '../session.ts'

type Json = CommandResult['json'][string]

export function modelJson(model: RegisteredModel): { readonly [name: string]: Json } {
  const address = (value: Address | undefined): string | null => (value === undefined ? null : toChecksumAddress(value))
  return {
    id: model.id,
    name: model.name,
    line: model.line,
    owner: toChecksumAddress(model.owner),
    pendingOwner: address(model.pendingOwner),
    version: model.version,
    versions: model.versions,
    previous: model.previous ?? null,
    head: model.head,
    payee: address(model.payee),
    registeredAt: model.registeredAt,
    deprecation:
      model.deprecation === undefined
        ? null
        : { reason: model.deprecation.reason, successor: model.deprecation.successor ?? null },
  }
}

/** `opg model show`. */
export const modelShow = (id: Digest, options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withReader(options, context, async (session) => {
    const model = await findModel(session, id)
    return { text: renderModel(model), json: { model: modelJson(model) } }
  })

/** `opg model register`: a model folder, or the manifest in it. */
export const modelRegister = (
  path: string,
  options: ChainOptions & { readonly payee?: Address },
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const folder = basename(path) === MANIFEST_PATH ? dirname(path) : path
    const { id, manifest } = await readModelFolder(folder)
    const payee = options.payee ?? manifest.payee
    const { transaction } = await registerModel(session, { id, name: manifest.name, payee })
    return await reported(session, id, transaction, 'registered')
  })

/** `opg model deprecate`. */
export const modelDeprecate = (
  id: Digest,
  options: ChainOptions & { readonly reason: DeprecationReason; readonly successor?: Digest },
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const { reason, successor } = options
    const why = { reason, ...(successor === undefined ? {} : { successor }) }
    const { transaction } = await deprecateModel(session, id, why)
    return await reported(session, id, transaction, `deprecated: ${reason}`)
  })

/** `opg model payee`. */
export const modelPayee = (
  id: Digest,
  payee: Address,
  options: ChainOptions,
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const { transaction } = await changePayee(session, id, payee)
    return await reported(session, id, transaction, `the hosts’ share goes to ${toChecksumAddress(payee)}`)
  })

/** `opg model offer`: the whole line, to an account that must accept it. */
export const modelOffer = (
  id: Digest,
  to: Address,
  options: ChainOptions,
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const { transaction } = await offerLine(session, id, to)
    return await reported(session, id, transaction, `offered to ${toChecksumAddress(to)}`)
  })

/** `opg model accept`. */
export const modelAccept = (id: Digest, options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const { transaction } = await acceptLine(session, id)
    return await reported(session, id, transaction, 'the line is the wallet’s now')
  })

async function reported(session: ChainSession, id: Digest, transaction: string, did: string): Promise<CommandResult> {
  const model = await findModel(session, id)
  const facts = renderFacts([
    ['done', did],
    ['transaction', transaction],
  ])
  return { text: `${facts}\n\n${renderModel(model)}`, json: { transaction, model: modelJson(model) } }
}
