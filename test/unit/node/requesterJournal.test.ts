import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRequesterJournal, homeAt } from '../../../src/node/index.ts'
import { openWalletStore } from '../../../src/node/walletStore.ts'
import { H, utf8 } from '../../../src/protocol/index.ts'
import type { KeptJob } from '../../../src/roles/index.ts'
import { quiet } from '../../support/peers.ts'
import { JOB_PARAMETERS, jobIdOf, SALT, TestProvider } from '../../support/protocolWorld.ts'
import { DOMAIN } from '../../support/votes.ts'

const { chainId, verifyingContract: stakeManager, networkId } = DOMAIN
const code = (expected: string) => expect.objectContaining({ code: expected })

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-journal-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const secret = utf8('nobody else reads this prompt')

function kept(): { readonly jobId: `0x${string}`; readonly job: KeptJob } {
  const provider = new TestProvider()
  const { job, signature } = provider.request()
  return {
    jobId: jobIdOf({ job }),
    job: {
      ...{ job, signature, offer: provider.offer, inputSalt: SALT, input: secret, parameters: JOB_PARAMETERS },
      ...{ assurance: 2, notChecked: 1 },
    },
  }
}

describe('what a requester keeps of a job (R27)', () => {
  test('is all that is needed to ask again, for its owner alone', async () => {
    const journal = createRequesterJournal(directory, { chainId, networkId, stakeManager })
    const { jobId, job } = kept()
    await journal.saveJob(jobId, job)
    const path = join(directory, `${jobId}.job.json`)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await journal.loadJob?.(jobId)).toEqual(job)
    expect(await journal.loadJob?.(H('test/other'))).toBeUndefined()
    expect(Object.keys(JSON.parse(await readFile(path, 'utf8'))).toSorted()).toEqual(
      ['assurance', 'input', 'inputSalt', 'job', 'notChecked', 'offer', 'parameters', 'signature'].toSorted(),
    )
  })

  test.each([
    ['no JSON', () => 'a job'],
    ['a member too many', (text: string) => JSON.stringify({ ...JSON.parse(text), voucher: '0x' })],
    ['an input that is no base64', (text: string) => JSON.stringify({ ...JSON.parse(text), input: '%' })],
    ['an offer that is none', (text: string) => JSON.stringify({ ...JSON.parse(text), offer: 'AAAA' })],
  ])('is refused with %s, without its content in the error', async (_, spoil) => {
    const journal = createRequesterJournal(directory, { chainId, networkId, stakeManager })
    const { jobId, job } = kept()
    await journal.saveJob(jobId, job)
    const path = join(directory, `${jobId}.job.json`)
    await writeFile(path, spoil(await readFile(path, 'utf8')))
    await expect(journal.loadJob?.(jobId)).rejects.toThrow(code('job-unreadable'))
    await expect(journal.loadJob?.(jobId)).rejects.not.toThrow('prompt')
  })
})

describe('the books of a wallet', () => {
  test('are open in one process at a time, and free again when it closes them', async () => {
    const home = homeAt(join(directory, 'home'))
    const init = { clock: Date.now, logger: quiet }
    const first = await openWalletStore(home, init)
    await expect(openWalletStore(home, init, 50)).rejects.toThrow(code('wallet-busy'))
    const waiting = openWalletStore(home, init, 60_000)
    await first.close()
    await (await waiting).close()
  })
})
