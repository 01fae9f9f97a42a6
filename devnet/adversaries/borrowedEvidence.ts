import { fileURLToPath } from 'node:url'
import { type NodePorts, nodePorts } from '../../src/node/index.ts'
import { hexToBytes, keccak, utf8 } from '../../src/protocol/index.ts'
import { runWithEvidence } from './selfTrust.ts'

/** A provider without a machine of its own: it shows evidence that a machine made for another peer's keys. */
export const BORROWED_EVIDENCE_PROGRAM = fileURLToPath(import.meta.url)

const attester: NodePorts['attester'] = async (ports, init) => {
  const machine = await nodePorts().attester(ports, init)
  const reportDataOfAnother = hexToBytes(keccak(utf8('the keys of another peer')))
  return { kind: machine.kind, attest: (_, now) => machine.attest(reportDataOfAnother, now) }
}

if (process.argv[1] === BORROWED_EVIDENCE_PROGRAM) await runWithEvidence(attester)
