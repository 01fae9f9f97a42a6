/** What runs inside the page: it takes and gives text alone, and knows the room as the bundle that the page loaded. */
import type * as Attestation from '../../../src/attestation/index.ts'
import type { SignatureCase } from '../signatureCases.ts'
import { packed, unpacked } from './values.ts'

export type Room = typeof Attestation

/** One document and everything that its verdict depends on but the cryptography. */
export interface Question {
  readonly input: Attestation.EvidenceInput
  readonly context: Omit<Attestation.VerifierContext, 'crypto'>
}

/** A verdict, or the refusal that a peer would read. */
export type Judgement =
  | { readonly accepted: Attestation.EvidenceVerdict }
  | { readonly refused: { readonly detail: Attestation.AttestationErrorDetail; readonly message: string } }

/** Machines that the page can be: formats and, where they differ much, versions. */
export const SIMULATED_MACHINES = ['nitro', 'tdx v4', 'tdx v5', 'sev-snp Milan VCEK', 'sev-snp Turin VLEK'] as const
export type SimulatedMachine = (typeof SIMULATED_MACHINES)[number]

export interface MintRequest {
  readonly machine: SimulatedMachine
  /** Milliseconds since 1970. */
  readonly now: number
  /** The 32 bytes of R5. */
  readonly reportData: Uint8Array
}

/** A document under an authority of its own, and the root that its verifiers pin. */
export interface Minted {
  readonly input: Attestation.EvidenceInput
  readonly trustRoots: readonly Attestation.TrustRoot[]
}

const { subtle } = globalThis.crypto
const random = (length: number): Uint8Array => globalThis.crypto.getRandomValues(new Uint8Array(length))

export async function judgeQuestion(
  room: Room,
  { input, context }: Question,
  crypto: Attestation.AttestationCrypto = room.webAttestationCrypto(subtle),
): Promise<Judgement> {
  const verdict = await room.verifyEvidence(input, { ...context, crypto })
  if (verdict.ok) return { accepted: verdict.value }
  const { detail, message } = verdict.error
  return { refused: { detail, message } }
}

async function mintDocument(room: Room, { machine, now, reportData }: MintRequest): Promise<Minted> {
  const { authority, attester } = await MACHINES[machine](room, now)
  const { document, collateral } = await attester.attest(reportData, now)
  return { input: { kind: attester.kind, document, collateral }, trustRoots: [authority.trustRoot] }
}

type Started = Promise<{
  readonly authority: { readonly trustRoot: Attestation.TrustRoot }
  readonly attester: Attestation.Attester
}>
type SnpInit = Parameters<Room['createSimulatedSnpAuthority']>[1]
type SnpSubject = Attestation.SimulatedSnpAttesterInit['subject']

const components = { subtle, random }
const MEASURED = { bytes: new Uint8Array([1]) }
const MEASUREMENTS = { code: MEASURED, configuration: MEASURED, models: MEASURED }

async function nitro(room: Room, now: number): Started {
  const authority = await room.createSimulatedAuthority(components, { label: 'page', now })
  const init = { instanceId: 'i-page', measurements: MEASUREMENTS }
  return { authority, attester: room.simulatedAttester({ authority, subtle }, init) }
}

async function tdx(room: Room, now: number, version: 4 | 5): Started {
  const authority = await room.createSimulatedTdxAuthority(components, { label: 'page', now })
  const init = { version, ppid: PPID, measurements: MEASUREMENTS }
  return { authority, attester: room.simulatedTdxAttester({ authority, subtle }, init) }
}

async function snp(room: Room, now: number, product: SnpInit['product'], subject: SnpSubject): Started {
  const init = { label: 'page', product, now, modulusLength: SNP_MODULUS_BITS }
  const authority = await room.createSimulatedSnpAuthority(components, init)
  const versions = { bootloader: 3, tee: 0, snp: 20, microcode: 209, ...(product === 'Turin' ? { fmc: 1 } : {}) }
  const attester = await room.simulatedSnpAttester(
    { authority, subtle },
    { subject, tcb: versions, measurements: MEASUREMENTS },
  )
  return { authority, attester }
}

/** AMD's keys have 4,096, which take a page seconds to make. */
const SNP_MODULUS_BITS = 2048
const CHIP_ID = new Uint8Array(64).fill(0x1d)
const PPID = new Uint8Array(16).fill(0x1d)

const MACHINES: Readonly<Record<SimulatedMachine, (room: Room, now: number) => Started>> = {
  nitro,
  'tdx v4': (room, now) => tdx(room, now, 4),
  'tdx v5': (room, now) => tdx(room, now, 5),
  'sev-snp Milan VCEK': (room, now) => snp(room, now, 'Milan', { signingKey: 'VCEK', chipId: CHIP_ID }),
  'sev-snp Turin VLEK': (room, now) => snp(room, now, 'Turin', { signingKey: 'VLEK', cspId: 'Page Cloud' }),
}

/** Answers to `BrowserPage.judge`. */
export const judge = async (room: Room, question: string): Promise<string> =>
  packed(await judgeQuestion(room, unpacked(question) as Question))

/** Answers to `BrowserPage.verify`. */
export async function verify(room: Room, cases: string): Promise<string> {
  const port = room.webAttestationCrypto(subtle)
  const answers: boolean[] = []
  for (const { algorithm, spki, signature, message } of unpacked(cases) as readonly SignatureCase[])
    answers.push(await port.verify(algorithm, spki, signature, message))
  return packed(answers)
}

/** Answers to `BrowserPage.mint`. */
export const mint = async (room: Room, request: string): Promise<string> =>
  packed(await mintDocument(room, unpacked(request) as MintRequest))
