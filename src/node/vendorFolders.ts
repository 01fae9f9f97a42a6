import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificate, Collateral, CollateralItem } from '../attestation/index.ts'
import { fileContents } from './attestationFiles.ts'

/** Vendors' chains have at most five certificates of 2 kB. */
const MAX_FILE_BYTES = 65_536
const MAX_FILES = 512

/**
 * Every CA certificate that lies in the folders as a file of certificates, and the chains of collateral with the leaf that
 * signs it, in the order of the folders; a folder that is not there has none. They are intermediates to choose from:
 * which root counts is not decided here.
 */
export async function vendorCertificates(folders: readonly string[]): Promise<Certificate[]> {
  const found = await Promise.all([...new Set(folders)].map(authoritiesIn))
  return found.flat()
}

async function authoritiesIn(folder: string): Promise<Certificate[]> {
  const names = await readdir(folder).then(
    (entries) => entries.sort().slice(0, MAX_FILES),
    () => [],
  )
  const authorities: Certificate[] = []
  for (const name of names) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() !== true || found.size > MAX_FILE_BYTES) continue
    for (const content of fileContents(new Uint8Array(await readFile(path)))) {
      if (content.form === 'certificates') authorities.push(...content.certificates.filter(({ isCa }) => isCa))
      if (content.form === 'collateral') authorities.push(...certificatesIn(content.items, 'intel/tcb-info-chain'))
    }
  }
  return authorities
}

const certificatesIn = (items: Collateral, item: CollateralItem): Certificate[] =>
  fileContents(items.get(item) ?? new Uint8Array(0)).flatMap((content) =>
    content.form === 'certificates' ? content.certificates : [],
  )
