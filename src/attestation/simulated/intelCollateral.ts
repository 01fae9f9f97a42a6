import { bytesToHex } from '../../protocol/index.ts'
import { SIMULATED_LIST_MS, SIMULATED_ROOT_LEAD_MS } from '../constants.ts'
import type { Tee } from '../dcap/quote.ts'
import type { SimulatedPlatform } from './intelPki.ts'
import { SIMULATED_QE, SIMULATED_TEE_TCB_SVN } from './intelQuote.ts'

/** `tcbEvaluationDataNumber` of simulated collateral. */
const EVALUATION = 1

/** Milliseconds since 1970 as the provisioning service writes them, in whole seconds. */
const dateOf = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`
const hexOf = (bytes: Uint8Array): string => bytesToHex(bytes).slice(2).toUpperCase()

const issuedAt = (now: number): object => ({
  issueDate: dateOf(now - SIMULATED_ROOT_LEAD_MS),
  nextUpdate: dateOf(now + SIMULATED_LIST_MS),
  tcbEvaluationDataNumber: EVALUATION,
})
const svns = (values: readonly number[]): readonly object[] => values.map((svn) => ({ svn }))
const upToDate = (tcb: object): object => ({ tcb, tcbDate: '2024-01-01T00:00:00Z', tcbStatus: 'UpToDate' })

/** TCB info under which the simulated platform and module are `UpToDate`. */
export function simulatedTcbInfo(tee: Tee, platform: SimulatedPlatform, now: number): Record<string, unknown> {
  const [isvsvn = 0, version = 0, ...rest] = SIMULATED_TEE_TCB_SVN
  const signer = { mrsigner: '00'.repeat(48), attributes: '00'.repeat(8), attributesMask: 'FF'.repeat(8) }
  const module = {
    tdxModule: signer,
    tdxModuleIdentities: [{ id: `TDX_0${version}`, ...signer, tcbLevels: [upToDate({ isvsvn })] }],
  }
  const level = { sgxtcbcomponents: svns(platform.components), pcesvn: platform.pcesvn }
  return {
    id: tee.toUpperCase(),
    version: 3,
    ...issuedAt(now),
    fmspc: hexOf(platform.fmspc),
    pceId: '0000',
    tcbType: 0,
    ...(tee === 'tdx' ? module : {}),
    tcbLevels: [upToDate(tee === 'tdx' ? { ...level, tdxtcbcomponents: svns([isvsvn, 0, ...rest]) } : level)],
  }
}

/** The identity of the simulated quoting enclave. */
export function simulatedQeIdentity(tee: Tee, now: number): Record<string, unknown> {
  const { mrsigner, isvprodid, isvsvn, attributes, miscselect } = SIMULATED_QE[tee]
  return {
    id: tee === 'tdx' ? 'TD_QE' : 'QE',
    version: 2,
    ...issuedAt(now),
    miscselect: hexOf(miscselect),
    miscselectMask: 'FF'.repeat(4),
    attributes: hexOf(attributes),
    attributesMask: 'FF'.repeat(16),
    mrsigner: hexOf(mrsigner),
    isvprodid,
    tcbLevels: [upToDate({ isvsvn })],
  }
}
