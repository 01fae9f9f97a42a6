import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificate } from '../attestation/index.ts'
import { fileContents } from './attestationFiles.ts'

/** Vendors' chains have at most five certificates of 2 kB. */
const MAX_FILE_BYTES = 65_536
const MAX_FILES = 512

/**
 * Every CA certificate that lies in the folders as a file of certificates, in the order of the folders; a folder that is
 * not there has none. They are intermediates to choose from: which root counts is not decided here.
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
    }
  }
  return authorities
}
