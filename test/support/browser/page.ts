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

export const SIMULATED_KINDS = ['nitro'] as const
export type SimulatedKind = (typeof SIMULATED_KINDS)[number]

export interface MintRequest {
  readonly kind: SimulatedKind
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

async function mintDocument(room: Room, { kind, now, reportData }: MintRequest): Promise<Minted> {
  const { authority, attester } = await MINTS[kind](room, now)
  const { document, collateral } = await attester.attest(reportData, now)
  return { input: { kind, document, collateral }, trustRoots: [authority.trustRoot] }
}

interface SimulatedMachine {
  readonly authority: { readonly trustRoot: Attestation.TrustRoot }
  readonly attester: Attestation.Attester
}

const MEASURED = { bytes: new Uint8Array([1]) }
const MEASUREMENTS = { code: MEASURED, configuration: MEASURED, models: MEASURED }

const MINTS: Readonly<Record<SimulatedKind, (room: Room, now: number) => Promise<SimulatedMachine>>> = {
  nitro: async (room, now) => {
    const authority = await room.createSimulatedAuthority({ subtle, random }, { label: 'page', now })
    const init = { instanceId: 'i-page', measurements: MEASUREMENTS }
    return { authority, attester: room.simulatedAttester({ authority, subtle }, init) }
  },
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
