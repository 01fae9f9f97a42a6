import { readContract } from 'viem/actions'
import { committeeAbi, type Inclusion, joinCall, openCall, readStakeAccount } from '../chain/index.ts'
import type { Address } from '../protocol/index.ts'
import { ChainRefusal, momentOf, opgOf } from './chainRefusals.ts'
import type { ChainSession } from './chainSession.ts'

/** One seat of the set that signs and judges in an epoch. */
export interface SeatView {
  readonly seat: number
  readonly operator: Address
  readonly weight: bigint
  /** Signs batches; the others are jurors only (R13). */
  readonly signs: boolean
}

export interface CommitteeView {
  readonly epoch: number
  /** Undefined: neither this epoch nor one of the three before was opened. */
  readonly openedIn: number | undefined
  readonly seats: readonly SeatView[]
  /** Wei: what the signers weigh together. */
  readonly signingWeight: bigint
  /** The active set, from which the next epoch is opened. */
  readonly active: readonly Address[]
}

const committeeOf = ({ network }: ChainSession) =>
  ({ address: network.contracts.committee, abi: committeeAbi }) as const

/** The set of an epoch, the present one unless given. Throws ChainError. */
export async function readCommittee(session: ChainSession, epoch = session.chain.epochAt()): Promise<CommitteeView> {
  const [set, active] = await Promise.all([
    session.chain.signingSet(epoch),
    session.chain.query((client) => readContract(client, { ...committeeOf(session), functionName: 'places' })),
  ])
  const signers = new Set(set?.signers.map(({ seat }) => seat))
  return {
    epoch,
    openedIn: set?.openedIn,
    seats: set?.jury.map((seat) => ({ ...seat, signs: signers.has(seat.seat) })) ?? [],
    signingWeight: set?.signers.reduce((sum, { weight }) => sum + weight, 0n) ?? 0n,
    active: active.map((address) => address.toLowerCase() as Address),
  }
}

/** The seat from which an operator signs. Throws ChainRefusal `not-in-signing-set`. */
export function seatOf(view: CommitteeView, operator: Address): SeatView {
  const seat = view.seats.find((each) => each.operator === operator && each.signs)
  if (seat !== undefined) return seat
  const juror = view.seats.some((each) => each.operator === operator)
  throw new ChainRefusal(
    {
      code: 'not-in-signing-set',
      operator,
      epoch: view.epoch,
      hint: juror ? 'only the 21 heaviest sign: stake more' : 'opg committee join, then wait for the next epoch',
    },
    juror
      ? `${operator} is a juror of epoch ${view.epoch} but not one of the ${view.seats.filter((each) => each.signs).length} who sign`
      : `${operator} has no seat in epoch ${view.epoch}`,
  )
}

/**
 * Seats a matured verifier, on a free place or on the lightest. Throws ChainRefusal `not-matured | already-seated |
 * too-light`, ChainError.
 */
export async function joinCommittee(
  session: ChainSession,
  operator: Address,
): Promise<Inclusion & { readonly place: number; readonly evicted: Address | undefined }> {
  const account = await readStakeAccount(session.chain, operator)
  const stake = account.roles.find(({ role }) => role === 'verifier')
  if (stake === undefined || stake.matured === 0n) {
    if (stake?.countsFrom !== undefined && !account.isFrozen) {
      const maturesAt = Math.floor(session.chain.epochStart(stake.countsFrom) / 1_000)
      throw new ChainRefusal(
        { code: 'not-matured', operator, maturesAt },
        `the verifier stake of ${operator} counts from ${momentOf(maturesAt)} on (epoch ${stake.countsFrom})`,
      )
    }
    const [code, why] = account.isFrozen
      ? (['operator-frozen', 'was frozen by its owner'] as const)
      : (['nothing-staked', 'has no verifier stake'] as const)
    throw new ChainRefusal(
      code === 'nothing-staked'
        ? { code, operator, role: 'verifier', hint: 'opg stake add --role verifier' }
        : { code, operator },
      `operator ${operator} ${why}`,
    )
  }
  const contract = committeeOf(session)
  const [places, maximum] = await session.chain.query((client) =>
    Promise.all([
      readContract(client, { ...contract, functionName: 'places' }),
      readContract(client, { ...contract, functionName: 'MAX_SEATS' }),
    ]),
  )
  if (places.some((place) => place.toLowerCase() === operator)) {
    throw new ChainRefusal({ code: 'already-seated', operator }, `${operator} is in the active set already`)
  }
  const { contracts } = session.network
  if (BigInt(places.length) < maximum) {
    const place = places.length
    return { ...(await session.send(joinCall(contracts, operator, place))), place, evicted: undefined }
  }
  const [place, weight] = await session.chain.query((client) =>
    readContract(client, { ...contract, functionName: 'lightest' }),
  )
  if (weight >= stake.matured) {
    throw new ChainRefusal(
      { code: 'too-light', expected: `more than ${opgOf(weight)}`, got: opgOf(stake.matured) },
      `all ${places.length} places are taken; expected more than the ${opgOf(weight)} of the lightest, got ${opgOf(stake.matured)}`,
    )
  }
  const inclusion = await session.send(joinCall(contracts, operator, place))
  return { ...inclusion, place, evicted: places[place]?.toLowerCase() as Address }
}

/** Freezes the set of the present epoch. Throws ChainRefusal `epoch-open | too-few-verifiers`, ChainError. */
export async function openEpoch(session: ChainSession): Promise<Inclusion & { readonly epoch: number }> {
  const contract = committeeOf(session)
  const epoch = session.chain.epochAt(session.chain.head().timestamp)
  const [isOpen, order, minimum] = await session.chain.query((client) =>
    Promise.all([
      readContract(client, { ...contract, functionName: 'isOpen', args: [BigInt(epoch)] }),
      readContract(client, { ...contract, functionName: 'currentOrder' }),
      readContract(client, { ...contract, functionName: 'minimumSigners' }),
    ]),
  )
  if (isOpen) throw new ChainRefusal({ code: 'epoch-open', epoch }, `epoch ${epoch} was opened already`)
  if (order.length < minimum) {
    throw new ChainRefusal(
      { code: 'too-few-verifiers', expected: `at least ${minimum}`, got: `${order.length}` },
      `an epoch opens with at least ${minimum} matured verifiers in the active set, there are ${order.length}`,
    )
  }
  return { ...(await session.send(openCall(session.network.contracts, BigInt(epoch), order))), epoch }
}
