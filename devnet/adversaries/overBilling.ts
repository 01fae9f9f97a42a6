import { fileURLToPath } from 'node:url'
import { main } from '../../src/cli/index.ts'
import { type NodePorts, nodePorts } from '../../src/node/index.ts'
import { chargeOf } from '../../src/protocol/index.ts'

/** A provider that bills twice what its offer says: its answers are right, its heads and receipts are its own. */
export const OVER_BILLING_PROGRAM = fileURLToPath(import.meta.url)

const TIMES = 2n

/** Twice the fee that the terms give for the same usage. */
export const overBilledCharge: typeof chargeOf = (terms, usage) => {
  const charge = chargeOf(terms, usage)
  return { ...charge, fee: charge.fee * TIMES }
}

const payments: NodePorts['payments'] = async (components, init) => {
  const honest = await nodePorts().payments(components, init)
  return { ...honest, terms: { ...honest.terms, charge: overBilledCharge } }
}

if (process.argv[1] === OVER_BILLING_PROGRAM) await main(process.argv, { ports: { payments } })
