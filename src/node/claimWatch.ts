import { readFile, stat } from 'node:fs/promises'
import { type ClaimBatch, createWatchTower, MAX_CLAIM_FILE_BYTES, parseClaimBatch } from '../payment/index.ts'
import { CodedError, createChannelDomain, type Digest, toError } from '../protocol/index.ts'
import type { ChainSession } from './chainSession.ts'
import { nodeSecp256k1 } from './crypto.ts'
import type { NodeLogger } from './logger.ts'

/** Why claims that were signed ahead are not watched over. */
export class ClaimFileError extends CodedError<{
  readonly code: 'claims-unreadable' | 'claims-malformed' | 'claims-foreign' | 'claims-forged'
  readonly path: string
  readonly expected: string
  readonly got: string
}> {}

/** Reads files of claims and checks every signature in them. Throws ClaimFileError. */
export async function readClaimFiles(
  { network }: Pick<ChainSession, 'network'>,
  paths: readonly string[],
): Promise<readonly ClaimBatch[]> {
  const domain = createChannelDomain(network.chainId, network.contracts.paymentChannels)
  const crypto = nodeSecp256k1()
  return await Promise.all(
    paths.map(async (path) => {
      const parsed = parseClaimBatch(await readWhole(path), { network, domain, crypto })
      if (parsed.ok) return parsed.value
      const { expected, got } = parsed.error
      throw new ClaimFileError({ path, ...parsed.error }, `${path}: expected ${expected}, got ${got}`)
    }),
  )
}

async function readWhole(path: string): Promise<string> {
  const expected = `a file of at most ${MAX_CLAIM_FILE_BYTES} bytes`
  try {
    const { size } = await stat(path)
    if (size <= MAX_CLAIM_FILE_BYTES) return await readFile(path, 'utf8')
    throw new RangeError(`${size} bytes`)
  } catch (cause) {
    const got = toError(cause).message
    throw new ClaimFileError(
      { code: 'claims-unreadable', path, expected, got },
      `${path}: expected ${expected}: ${got}`,
      { cause },
    )
  }
}

interface WatchInit {
  readonly logger: NodeLogger
  /** Claims at once and ends; else until `signal`. */
  readonly now: boolean
  readonly signal: AbortSignal
  readonly onClaim: (transaction: Digest, rows: number) => void
}

/** Watches over claims with the session's account, which pays for gas. Throws ChainError when a claim is refused with `now`. */
export async function watchClaims(
  { chain }: ChainSession,
  batches: readonly ClaimBatch[],
  { logger, now, signal, onClaim }: WatchInit,
): Promise<void> {
  let refused: Error | undefined
  const tower = createWatchTower(
    {
      ...{ chain, logger },
      onClaim: ({ rows }, outcome) => {
        if ('error' in outcome) refused ??= outcome.error
        else onClaim(outcome.transaction, rows.length)
      },
    },
    batches,
  )
  await tower.start()
  try {
    if (now) {
      await tower.claimNow()
      if (refused !== undefined) throw refused
      return
    }
    if (signal.aborted) return
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  } finally {
    await tower.stop()
  }
}
