import type { EvidenceDescription, EvidenceVerdict } from '../../node/index.ts'
import { renderFacts, shortId } from './table.ts'

type Fact = readonly [name: string, value: string | undefined]

/** Line ends, terminals' commands and changes of direction, with which a document could write lines of its own. */
const COMMANDS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu
const plain = (text: string): string => text.replace(COMMANDS, '\ufffd')

/** Facts in a document's own words, each on its line. */
const renderClaims = (facts: readonly Fact[]): string =>
  renderFacts(facts.map(([name, value]) => [plain(name), value && plain(value)] as const))

/** Above everything that `attest show` prints. */
export const CLAIMS_ONLY = 'claims, nothing verified'

/** NVIDIA's device certificates end in the year 9999. */
const dateOf = (time: number): string => (Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : 'never')

export function renderDescription(described: EvidenceDescription): string {
  const { kind, bytes, sha256, fields, certificates, collateral } = described
  const sections = [
    `${CLAIMS_ONLY}: what this document says of itself; opg attest verify judges it`,
    renderClaims([['kind', kind], ['document', `${bytes} bytes, SHA-256 ${sha256}`], ...fields]),
    certificates.length === 0 ? 'certificates  none' : 'certificates, as they stand there',
    ...certificates.map((certificate, index) =>
      renderClaims([
        [`${index}`, `${certificate.subject}${certificate.isCa ? ' (CA)' : ''}`],
        ['', `issued by ${certificate.issuer}`],
        ['', `valid ${dateOf(certificate.notBefore)} to ${dateOf(certificate.notAfter)}`],
        ['', `in ${certificate.in}, SHA-256 ${certificate.sha256}`],
      ]),
    ),
    ...collateral.map((item) => `with it  ${item.item}, ${item.bytes} bytes, SHA-256 ${item.sha256}`),
  ]
  return sections.join('\n')
}

/** Whose word the verdict rests on, in the first words that anybody reads. */
const BACKED_BY: { readonly [assurance: string]: string } = {
  simulated: 'accepted as SIMULATED, which is no TEE',
  'verifier-nvidia': 'accepted on the word of NVIDIA’s attestation service',
  'verifier-azure': 'accepted on the word of Microsoft’s attestation service',
  'verifier-google': 'accepted on the word of Google’s attestation service',
}

/** One sentence that never says more than was checked. */
export function statementOf({ assurance, notChecked }: Pick<EvidenceVerdict, 'assurance' | 'notChecked'>): string {
  const accepted = BACKED_BY[assurance] ?? 'accepted'
  return notChecked.length === 0 ? accepted : `${accepted}; NOT checked: ${notChecked.join(', ')}`
}

export function renderVerdict(verdict: EvidenceVerdict, at: number, collateral: string | undefined): string {
  const { kind, root, keyBinding, freshness, tcbStatus, advisories, measurements } = verdict
  const age =
    freshness.basis === 'none'
      ? 'unknown: the format has no time of its own'
      : `${Math.round(freshness.ageMs / 1000)} s, by its ${freshness.basis}`
  const advice = advisories.length === 0 ? '' : `, ${advisories.join(', ')}`
  return renderClaims([
    ['verdict', statementOf(verdict)],
    ['kind', kind],
    ['assurance', verdict.assurance],
    ['root', `${root.name}, SHA-256 ${root.sha256}`],
    ['TCB', tcbStatus === undefined ? undefined : `${tcbStatus}${advice}`],
    ['machine', verdict.instanceId],
    ...Object.entries(measurements).map(([name, value]) => [name, value] as const),
    ['report data', `${keyBinding.reportData}: ${verdict.reportData}`],
    ['public key', keyBinding.publicKey],
    ['nonce', keyBinding.nonce],
    ['judged at', dateOf(at)],
    ['age', age],
    ['holds until', dateOf(verdict.expiresAt)],
    ['collateral', collateral === undefined ? undefined : shortId(collateral)],
    ['checked', verdict.checked.join(', ')],
    ['not checked', verdict.notChecked.join(', ') || 'nothing left out'],
  ])
}
