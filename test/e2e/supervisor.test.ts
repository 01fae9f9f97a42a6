import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isOurs } from '../../devnet/processes.ts'
import { type Devnet, startDevnet } from '../../devnet/supervisor.ts'
import { resultSchemas } from '../../src/cli/index.ts'
import { toChecksumAddress } from '../../src/protocol/index.ts'
import { codeOf, ended, opg, resultOf, startOpg } from '../support/opg.ts'

const example = fileURLToPath(new URL('../../devnet/models/classifier/example.json', import.meta.url))

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-supervisor-'))
})
afterEach(async () => {
  await opg(['devnet', 'down', '--dir', directory])
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}, 180_000)

type Process = { readonly name: string; readonly pid?: number | undefined }

async function alive(processes: readonly Process[]): Promise<string[]> {
  const found = await Promise.all(
    processes.map(async ({ name, pid }) => (pid !== undefined && (await isOurs(pid, directory)) ? name : '')),
  )
  return found.filter((name) => name !== '')
}

async function untilGone(processes: readonly Process[], withinMs: number): Promise<string[]> {
  const until = Date.now() + withinMs
  let left = await alive(processes)
  while (left.length > 0 && Date.now() < until) {
    await sleep(100)
    left = await alive(processes)
  }
  return left
}

/** A small devnet in the foreground of a process of its own, ready. */
async function startForeground() {
  const counts = ['--verifiers', '1', '--providers', '1', '--settlers', '1']
  const child = startOpg(['devnet', 'up', '--json', '--dir', directory, ...counts])
  const ready = Promise.withResolvers<string>()
  let text = ''
  child.stdout?.on('data', (part) => {
    text += String(part)
    if (text.includes('\n')) ready.resolve(text.slice(0, text.indexOf('\n')))
  })
  const done = ended(child)
  void done.then(({ stdout, stderr }) => ready.reject(new Error(`${stdout}${stderr}`)))
  const { processes } = resultSchemas['devnet up / ready'].parse(JSON.parse(await ready.promise))
  expect(await alive(processes)).toHaveLength(4)
  return { child, done, processes }
}

describe('a devnet in the foreground', { timeout: 300_000 }, () => {
  test('ends wholly at Ctrl-C, with 130', async () => {
    const { child, done, processes } = await startForeground()
    child.kill('SIGINT')
    const ran = await done
    expect([ran.exit, codeOf(ran)]).toEqual([130, 'interrupted'])
    expect(await alive(processes)).toEqual([])
  })

  test('leaves no process behind when it is killed', async () => {
    const { child, done, processes } = await startForeground()
    child.kill('SIGKILL')
    await done
    expect(await untilGone(processes, 180_000)).toEqual([])
  })
})

describe('a supervised devnet', { timeout: 300_000 }, () => {
  let devnet: Devnet | undefined
  afterEach(() => devnet?.stop(), 180_000)

  test('restarts nodes where the others look for them, and catches a provider that lies (R14)', async () => {
    devnet = await startDevnet({ directory, verifiers: 3, providers: 1, settlers: 1, adversaries: ['wrongOutput'] })
    const honest = devnet.node('provider-0')
    const before = honest.ready()
    await honest.kill()
    expect(devnet.alive()).not.toContain('provider-0')
    expect(await honest.start()).toMatchObject({ peerId: before?.peerId, addresses: before?.addresses })
    await devnet.healthy()

    const liar = toChecksumAddress(devnet.node('provider-1').operator)
    const home = devnet.requesterHome().directory
    const ask = (only: string, mode: string) =>
      opg([
        'infer',
        'classifier',
        '--input',
        example,
        '--mode',
        mode,
        '--only',
        only,
        '--timeout',
        '60',
        '--home',
        home,
        '--json',
      ])
    const caught = await ask(liar, 'quorum')
    expect([caught.exit, codeOf(caught)]).toEqual([3, 'rejected'])
    const unseen = await ask(liar, 'local')
    expect(resultOf('infer', unseen)).toMatchObject({
      statement: 'evidence and receipt checked; output not recomputed',
    })
    const answered = await ask(toChecksumAddress(honest.operator), 'quorum')
    expect(resultOf('infer', answered).verdict).toMatchObject({ status: 'accepted' })

    await devnet.stop()
    expect(devnet.alive()).toEqual([])
  })

  test('does not take a directory that holds something else', async () => {
    await writeFile(join(directory, 'thesis.txt'), 'years of work')
    await expect(startDevnet({ directory })).rejects.toMatchObject({ code: 'directory-taken' })
  })
})
