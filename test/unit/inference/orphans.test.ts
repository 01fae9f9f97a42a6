import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryDirectory, until } from './fixtures.ts'

const program = fileURLToPath(new URL('./orphanParent.ts', import.meta.url))

/** A zombie is gone: only its new parent has yet to notice. */
function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}

it.each(['idle', 'busy'])('a worker that is %s ends when its parent is killed by SIGKILL', async (state) => {
  const parent = spawn(process.execPath, [program, await temporaryDirectory(), state], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [text] = (await once(parent.stdout, 'data')) as [Buffer]
  const pids = text.toString().trim().split(',').map(Number)
  expect(pids).toHaveLength(1)
  expect(pids.every(alive)).toBe(true)
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await until(() => !pids.some(alive))
})
