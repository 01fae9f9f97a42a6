import { joinCommittee, openEpoch, readCommittee, seatOf } from '../../node/index.ts'
import { toChecksumAddress } from '../../protocol/index.ts'
import type { CliContext, CommandResult } from '../context.ts'
import { renderCommittee } from '../render/committee.ts'
import { renderFacts } from '../render/table.ts'
import { type ChainOptions, withReader, withSender } from '../session.ts'
import { type OperatorOptions, operatorOf } from './stake.ts'

/** `opg committee show`; with `--operator` named, fails when that operator does not sign. */
export const committeeShow = (
  options: OperatorOptions & { readonly epoch?: number },
  context: CliContext,
): Promise<CommandResult> =>
  withReader(options, context, async (session, own) => {
    const operator = await operatorOf(options, own)
    const view = await readCommittee(session, options.epoch)
    if (options.operator !== undefined) seatOf(view, operator)
    const signs = view.seats.some((seat) => seat.operator === operator && seat.signs)
    return {
      text: renderCommittee(view, { operator: toChecksumAddress(operator), signs }),
      json: {
        epoch: view.epoch,
        openedIn: view.openedIn ?? null,
        signingWeight: `${view.signingWeight}`,
        seats: view.seats.map((seat) => ({
          seat: seat.seat,
          verifier: toChecksumAddress(seat.operator),
          weight: `${seat.weight}`,
          signs: seat.signs,
        })),
        active: view.active.map(toChecksumAddress),
        operator: toChecksumAddress(operator),
        signs,
      },
    }
  })

/** `opg committee join`. */
export const committeeJoin = (options: OperatorOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const operator = await operatorOf(options, own)
    const { transaction, place, evicted } = await joinCommittee(session, operator)
    return {
      text: renderFacts([
        ['done', `${toChecksumAddress(operator)} is in the active set; it can sign from the next epoch that is opened`],
        ['instead of', evicted === undefined ? undefined : toChecksumAddress(evicted)],
        ['transaction', transaction],
      ]),
      json: { transaction, place, evicted: evicted === undefined ? null : toChecksumAddress(evicted) },
    }
  })

/** `opg committee open`. */
export const committeeOpen = (options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const { transaction, epoch } = await openEpoch(session)
    return {
      text: renderFacts([
        ['done', `epoch ${epoch} is open`],
        ['transaction', transaction],
      ]),
      json: { transaction, epoch },
    }
  })
