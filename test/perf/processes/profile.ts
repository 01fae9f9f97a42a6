import { mkdir, writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { dirname } from 'node:path'

/** Set to a directory, a bench writes CPU profiles of its processes there, over the time it measures and no more. */
export const PROFILE_VARIABLE = 'OPG_BENCH_PROFILE'

let session: Session | undefined

export async function startProfile(): Promise<void> {
  session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 500 })
  await session.post('Profiler.start')
}

export async function stopProfile(path: string): Promise<void> {
  if (session === undefined) throw new RangeError('expected startProfile first')
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, JSON.stringify(profile))
}
