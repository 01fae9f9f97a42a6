import { readFile, stat } from 'node:fs/promises'
import {
  type Attester,
  type CollateralItem,
  encodeCollateral,
  MAX_COLLATERAL_BYTES,
  parseCollateral,
} from '../../attestation/index.ts'
import { NodeError } from '../errors.ts'

/**
 * An attester whose documents carry the bundle of a file besides what the machine gave; the file's items win, as they may
 * be newer. The file is read for each document. Throws NodeError `collateral-unreadable`.
 */
export function carrying(attester: Attester, path: string): Attester {
  return {
    kind: attester.kind,
    async attest(reportData, now) {
      const bundle = await readBundle(path)
      const { document, collateral } = await attester.attest(reportData, now)
      const own = parseCollateral(collateral)
      if (!own.ok) throw own.error
      return { document, collateral: encodeCollateral(new Map([...own.value, ...bundle])) }
    },
  }
}

async function readBundle(path: string): Promise<ReadonlyMap<CollateralItem, Uint8Array>> {
  const bytes = await readFileOf(path)
  const bundle = parseCollateral(bytes)
  if (!bundle.ok) throw unreadable(path, bundle.error)
  return bundle.value
}

async function readFileOf(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > MAX_COLLATERAL_BYTES) throw new RangeError(`${size} bytes`)
    return new Uint8Array(await readFile(path))
  } catch (thrown) {
    throw unreadable(path, thrown)
  }
}

const unreadable = (path: string, cause: unknown): NodeError =>
  new NodeError(
    { code: 'collateral-unreadable', path },
    `expected a collateral bundle at ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  )
