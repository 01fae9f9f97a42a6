import { fileURLToPath } from 'node:url'
import { simulatedAttester } from '../../src/attestation/index.ts'
import { type NodePorts, readAuthority } from '../../src/node/index.ts'
import { utf8 } from '../../src/protocol/index.ts'
import { runWithEvidence } from './selfTrust.ts'

/** A provider whose evidence holds, for a program that nobody allows. */
export const WRONG_MEASUREMENT_PROGRAM = fileURLToPath(import.meta.url)

const attester: NodePorts['attester'] = async (ports, { config, home, operator }) => {
  if (config.attester.kind !== 'simulated') throw new RangeError('expected the devnet’s attester')
  const patched = { bytes: utf8('a patched program') }
  return simulatedAttester(
    { authority: await readAuthority(home.path(config.attester.authority), ports), subtle: ports.subtle },
    {
      instanceId: `opg-${operator.slice(2, 14)}`,
      measurements: { code: patched, configuration: patched, models: patched },
    },
  )
}

if (process.argv[1] === WRONG_MEASUREMENT_PROGRAM) await runWithEvidence(attester)
