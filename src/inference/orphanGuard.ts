import { Socket } from 'node:net'

/**
 * Runs as a thread of a worker process. The parent holds the other end of stdin: its end, however it came, is the
 * parent's. The main thread may be inside a native run that never returns, so the process is killed from here.
 */
const parent = new Socket({ fd: 0, readable: true, writable: false })
const end = () => process.kill(process.pid, 'SIGKILL')
parent.on('close', end)
parent.on('error', end)
parent.resume()
