import { type ChildProcess, fork } from 'node:child_process'
import { STDERR_TAIL } from './constants.ts'
import { workerEntry } from './entry.ts'
import type { FromWorker, ToWorker } from './messages.ts'

export interface WorkerExit {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stderr: string
}

export interface WorkerListener {
  message(message: FromWorker): void
  /** Once, after the last message. */
  exit(exit: WorkerExit): void
}

/** One worker process. It inherits no environment: a hostile model must find no secret there. */
export class WorkerProcess {
  readonly pid: number
  readonly exited: Promise<void>
  private readonly child: ChildProcess
  private stderr = ''

  constructor(listener: WorkerListener) {
    const libraries = process.env.LD_LIBRARY_PATH
    this.child = fork(workerEntry, {
      serialization: 'advanced',
      execArgv: [],
      env: libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries },
      stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
    })
    this.pid = this.child.pid ?? -1
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_TAIL)
    })
    // A dying worker closes its pipe under writes in flight; 'exit' tells what matters.
    this.child.stdin?.on('error', () => {})
    this.child.on('message', (message) => listener.message(message as unknown as FromWorker))
    this.exited = new Promise((resolve) => {
      let over = false
      const end = (exitCode: number | null, signal: string | null): void => {
        if (over) return
        over = true
        resolve()
        listener.exit({ exitCode, signal, stderr: this.stderr })
      }
      this.child.on('close', end)
      this.child.on('error', (error) => {
        this.stderr += `${error.message}\n`
        if (this.child.pid === undefined) end(null, null)
      })
    })
  }

  send(message: ToWorker): void {
    if (!this.child.connected) return
    this.child.send(message, (error) => {
      if (error !== null) this.kill()
    })
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
