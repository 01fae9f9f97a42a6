import { main } from '../../src/cli/index.ts'
import { type NodePorts, nodePorts } from '../../src/node/index.ts'
import { ASSURANCE, digestOf, ok, SESSION_GRANT, type SignedGrant } from '../../src/protocol/index.ts'
import type { GrantVerdict } from '../../src/roles/index.ts'

/** Runs a provider with an attester of its own. A node looks at its evidence before it offers anything; this one does not. */
export async function runWithEvidence(attester: NodePorts['attester']): Promise<void> {
  const grants: NodePorts['grants'] = (components, init) => {
    const honest = nodePorts().grants(components, init)
    return {
      check: async (signed, now) => {
        const verdict = await honest.check(signed, now)
        if (verdict.ok) return verdict
        return ok(pretended(signed, digestOf(init.domain, SESSION_GRANT, signed.grant)))
      },
    }
  }
  await main(process.argv, { ports: { ...nodePorts(), attester, grants } })
}

const pretended = (signed: SignedGrant, digest: GrantVerdict['digest']): GrantVerdict => ({
  digest,
  signed,
  assurance: ASSURANCE.simulated,
  notChecked: 0,
})
