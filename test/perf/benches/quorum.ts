import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDevnet } from '../../../devnet/supervisor.ts'
import { MODE, PRIVACY, TIER } from '../../../src/protocol/index.ts'
import { devnetModel } from '../../support/peers.ts'
import type { Bench } from '../bench.ts'
import { picture } from '../inputs.ts'
import { median, percentile } from '../statistics.ts'

const PROVIDERS = 3
const VERIFIERS = 7
const WARM_UP = 10
const REQUESTS = 60
const REQUEST_TIMEOUT_MS = 60_000

/** From the end of the work, just before the receipt is signed, until the requester holds a certificate it verified. */
export const quorum: Bench = {
  name: 'quorum',
  summary: `receipt to certificate, one job at a time, ${PROVIDERS} providers and ${VERIFIERS} verifiers, a process each`,
  targets: { receiptToQuorumP95Ms: { op: '<=', value: 1_000 } },
  run: async ({ progress }) => {
    const directory = await mkdtemp(join(tmpdir(), 'opg-quorum-'))
    const model = await devnetModel('classifier')
    const devnet = await startDevnet({
      directory,
      providers: PROVIDERS,
      verifiers: VERIFIERS,
      settlers: 1,
      models: [model.directory],
      onProgress: progress,
    })
    try {
      const client = await devnet.requester()
      try {
        const times: { readonly receiptToQuorum: number; readonly receipt: number; readonly votes: number }[] = []
        for (let at = 0; at < WARM_UP + REQUESTS; at += 1) {
          const result = await client.requester?.request({
            model: model.id,
            input: picture(),
            parameters: {},
            tier: TIER.replay,
            privacy: PRIVACY.open,
            mode: MODE.quorum,
            maxOutputUnits: 1,
            timeoutMs: REQUEST_TIMEOUT_MS,
          })
          if (result === undefined) throw new RangeError('expected a requester')
          if (!result.ok) throw new Error(`${result.error.code} (${result.error.cause}): ${result.error.message}`)
          const { job, receipt, timings, verdict } = result.value
          const certifiedAt = job.job.createdAt + timings.verifiedMs
          times.push({
            receiptToQuorum: certifiedAt - receipt.receipt.finishedAt,
            receipt: timings.receiptMs,
            votes: verdict?.votes ?? 0,
          })
          if (at === WARM_UP) progress('warm')
        }
        const measured = times.slice(WARM_UP)
        const waits = measured.map(({ receiptToQuorum }) => receiptToQuorum)
        return {
          receiptToQuorumP50Ms: median(waits),
          receiptToQuorumP95Ms: percentile(waits, 0.95),
          receiptToQuorumMaxMs: Math.max(...waits),
          jobToReceiptP50Ms: median(measured.map(({ receipt }) => receipt)),
          votesP50: median(measured.map(({ votes }) => votes)),
        }
      } finally {
        await client.stop()
      }
    } finally {
      await devnet.stop()
      await rm(directory, { recursive: true, force: true })
    }
  },
}
