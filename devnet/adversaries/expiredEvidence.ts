import { fileURLToPath } from 'node:url'
import { type NodePorts, nodePorts } from '../../src/node/index.ts'
import { runWithEvidence } from './selfTrust.ts'

/** A provider that shows evidence from before its last restart, too old to say what runs now. */
export const EXPIRED_EVIDENCE_PROGRAM = fileURLToPath(import.meta.url)

const AGE_MS = 2 * 3_600_000

const attester: NodePorts['attester'] = async (ports, init) => {
  const honest = await nodePorts().attester(ports, init)
  return { kind: honest.kind, attest: (reportData, now) => honest.attest(reportData, now - AGE_MS) }
}

if (process.argv[1] === EXPIRED_EVIDENCE_PROGRAM) await runWithEvidence(attester)
