import { spawn } from 'node:child_process'
import type { RunTool } from '../../attestation/index.ts'
import { systemError } from './systemError.ts'

/** Bytes of stderr that are kept for the error. */
const MAX_STDERR_BYTES = 4_096

/** Runs programs without a shell, with PATH as their only inherited variable: no secret of ours reaches them. */
export function runTool(path = process.env.PATH ?? ''): RunTool {
  return ({ program, args, environment = {}, timeoutMs, maxBytes }) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: path, ...environment },
        shell: false,
      })
      const stdout: Buffer[] = []
      let [bytes, stderr] = [0, '']
      let fault: NodeJS.ErrnoException | undefined
      const give = (code: string, message: string): void => {
        fault ??= systemError(code, message)
        child.kill('SIGKILL')
        // Programs it has started may hold its pipes open after it.
        child.stdout.destroy()
        child.stderr.destroy()
      }
      const timer = setTimeout(() => give('ETIMEDOUT', `${program}: no end after ${timeoutMs} ms`), timeoutMs)
      child.stdout.on('data', (part: Buffer) => {
        bytes += part.length
        if (bytes > maxBytes) give('EFBIG', `${program}: more than ${maxBytes} bytes`)
        else stdout.push(part)
      })
      child.stderr.setEncoding('utf8').on('data', (part: string) => {
        if (stderr.length < MAX_STDERR_BYTES) stderr += part.slice(0, MAX_STDERR_BYTES - stderr.length)
      })
      child.once('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
      child.once('close', (exit) => {
        clearTimeout(timer)
        if (fault !== undefined) reject(fault)
        else resolve({ exit, stdout: new Uint8Array(Buffer.concat(stdout)), stderr })
      })
    })
}
