import { fileURLToPath } from 'node:url'
import { main } from '../../src/cli/index.ts'
import { type NodePorts, nodePorts } from '../../src/node/index.ts'

/** A provider that wants its fees past the splitter, so that the network gets nothing: it takes channels to itself alone. */
export const OWN_RECEIVER_PROGRAM = fileURLToPath(import.meta.url)

const payments: NodePorts['payments'] = async (components, init) => {
  const honest = await nodePorts().payments(components, init)
  const { payee } = honest.terms
  return { ...honest, terms: { ...honest.terms, payee: { ...payee, splitter: payee.operator } } }
}

if (process.argv[1] === OWN_RECEIVER_PROGRAM) await main(process.argv, { ports: { payments } })
