import {
  createSimulatedAuthority,
  createSimulatedSnpAuthority,
  createSimulatedTdxAuthority,
  type TrustRoot,
} from '../src/attestation/index.ts'
import { type AuthorityPorts, writeAuthority, writeSnpAuthority, writeTdxAuthority } from '../src/node/index.ts'

/** AMD's keys have 4,096 bits, which take seconds to make; nobody's safety hangs on these. */
const SNP_MODULUS_BITS = 2_048

export interface AuthoritiesInit {
  /** 32 bytes, of the authority in AWS's place; the keys of the others are random. */
  readonly seed: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Writes a devnet's stand-ins for every vendor and returns their roots: whoever reads the folder can make any evidence. */
export async function writeAuthorities(
  directory: string,
  ports: AuthorityPorts,
  { seed, now }: AuthoritiesInit,
): Promise<TrustRoot[]> {
  const label = 'devnet'
  const [nitro, tdx, snp] = await Promise.all([
    createSimulatedAuthority(ports, { label, now, seed }),
    createSimulatedTdxAuthority(ports, { label, now }),
    createSimulatedSnpAuthority(ports, { label, now, product: 'Genoa', modulusLength: SNP_MODULUS_BITS }),
  ])
  await writeAuthority(directory, nitro)
  await writeTdxAuthority(directory, tdx)
  await writeSnpAuthority(directory, snp)
  return [nitro, tdx, snp].map(({ trustRoot }) => trustRoot)
}
