import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Attester,
  type Collateral,
  type CollateralNeed,
  collateralEnd,
  collateralNeedOf,
  type EvidenceInput,
  encodeCollateral,
  parseCollateral,
} from '../../attestation/index.ts'
import { bytesToHex, type Clock, type Digest, dropOldest, sha256, toError, utf8 } from '../../protocol/index.ts'
import { writeWhole } from '../home.ts'
import type { NodeLogger } from '../logger.ts'
import { fetchCollateral, type VendorComponents, type VendorUrls } from './vendors.ts'

/** Gives documents what others need to check them. */
export interface CollateralSource {
  /** What the vendor publishes about the machine of this document, as fresh as it can be had; nothing where it needs none. */
  collateralFor(evidence: EvidenceInput): Promise<Collateral>
}

export interface CollateralSourceComponents extends VendorComponents {
  readonly clock: Clock
  readonly logger: Pick<NodeLogger, 'warn'>
}

export interface CollateralSourceInit {
  readonly urls: VendorUrls
  /** Where bundles outlive the process; undefined: they do not. */
  readonly folder?: string
}

/** Asked again after this: vendors publish recoveries without notice, ms. */
const REFRESH_MS = 6 * 3_600_000
/** And so long before the first item ends, ms: a grant made in between must still be checkable by slower clocks. */
const MARGIN_MS = 3_600_000
const MAX_BUNDLES = 16

interface Held {
  readonly collateral: Collateral
  readonly fetchedAt: number
}

/**
 * A source that asks the vendors, keeps what they say while it is good, and goes on with it when they are away. A machine
 * needs one bundle a document kind, so there are few. Never throws for a vendor that is away: it says so in the log.
 */
export function createCollateralSource(
  components: CollateralSourceComponents,
  { urls, folder }: CollateralSourceInit,
): CollateralSource {
  const held = new Map<Digest, Held>()
  const fileOf = (key: Digest): string | undefined => folder && join(folder, `${key.slice(2)}.cbor`)

  const keep = (key: Digest, entry: Held): void => {
    held.delete(key)
    held.set(key, entry)
    dropOldest(held, MAX_BUNDLES)
  }
  const renew = async (key: Digest, need: CollateralNeed, known: Held | undefined): Promise<Collateral> => {
    try {
      const collateral = await fetchCollateral(components, urls, need)
      const bytes = encodeCollateral(collateral)
      const read = parseCollateral(bytes)
      if (!read.ok) throw read.error
      keep(key, { collateral, fetchedAt: components.clock() })
      const path = fileOf(key)
      if (path !== undefined) await writeWhole(path, bytes)
      return collateral
    } catch (thrown) {
      const isGood = known !== undefined && collateralEnd(known.collateral) > components.clock()
      const message = isGood ? 'collateral not renewed; what is held still holds' : 'no collateral for this machine'
      components.logger.warn({ vendor: need.vendor, error: toError(thrown).message }, message)
      return isGood ? known.collateral : new Map()
    }
  }

  return {
    collateralFor: async (evidence) => {
      const need = collateralNeedOf(evidence)
      if (!need.ok) throw need.error
      if (need.value === undefined) return new Map()
      const key = keyOf(need.value)
      const known = held.get(key) ?? (await readHeld(fileOf(key), components))
      const now = components.clock()
      const isFresh = known !== undefined && now - known.fetchedAt < REFRESH_MS
      if (isFresh && collateralEnd(known.collateral) - MARGIN_MS > now) return known.collateral
      return await renew(key, need.value, known)
    },
  }
}

/** An attester whose documents carry what the source has besides what the machine gave; the source's items are newer. */
export const supplied = (attester: Attester, source: CollateralSource): Attester => ({
  kind: attester.kind,
  async attest(reportData, now) {
    const { document, collateral } = await attester.attest(reportData, now)
    const own = parseCollateral(collateral)
    if (!own.ok) throw own.error
    const fetched = await source.collateralFor({ kind: attester.kind, document, collateral })
    return { document, collateral: encodeCollateral(new Map([...own.value, ...fetched])) }
  },
})

/** What is asked for, and of which machine: a nonce or a signature is no part of it. */
function keyOf(need: CollateralNeed): Digest {
  const text = JSON.stringify(need, (_, value: unknown) => {
    if (value instanceof Uint8Array) return bytesToHex(value)
    return value instanceof Map ? undefined : value
  })
  return sha256(utf8(text))
}

/** A bundle of an earlier run; it is renewed at once when the vendors can be reached. */
async function readHeld(
  path: string | undefined,
  { logger }: Pick<CollateralSourceComponents, 'logger'>,
): Promise<Held | undefined> {
  if (path === undefined) return undefined
  try {
    const read = parseCollateral(new Uint8Array(await readFile(path)))
    if (read.ok) return { collateral: read.value, fetchedAt: 0 }
    logger.warn({ path, code: read.error.code }, 'collateral of an earlier run is no bundle')
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown)
    if (error.code !== 'ENOENT') logger.warn({ path, error: error.message }, 'collateral of an earlier run not read')
  }
  return undefined
}
