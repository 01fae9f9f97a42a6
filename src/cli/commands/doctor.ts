import { diagnose } from '../../node/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { EXIT } from '../exitCodes.ts'
import { renderDiagnosis } from '../render/doctor.ts'

/** `opg doctor`: what this machine can attest with, and what a node on the home would stumble over. */
export async function doctor(options: { readonly home?: string }, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  context.progress('looking around')
  const diagnosis = await diagnose({ home, environment: context.environment, clock: Date.now })
  const { attesters, auto, findings, worst } = diagnosis
  return {
    text: renderDiagnosis(diagnosis),
    json: {
      worst,
      auto: auto ?? null,
      attesters: attesters.map((each) => ({ ...each })),
      findings: findings.map((each) => ({ ...each })),
    },
    exit: worst === 'fail' ? EXIT.failed : EXIT.ok,
  }
}
