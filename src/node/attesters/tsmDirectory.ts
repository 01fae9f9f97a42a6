import { constants } from 'node:fs'
import { mkdir, open, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TsmDirectory } from '../../attestation/index.ts'
import { systemError } from './systemError.ts'

/** Where Linux 6.7 and later have it, once configfs is mounted and a guest driver is loaded. */
export const TSM_REPORTS = '/sys/kernel/config/tsm/report'

const BLOCK_BYTES = 4_096

/** The kernel's directory, or another that behaves as it does. */
export function tsmDirectory(reports = TSM_REPORTS): TsmDirectory {
  return {
    make: (report) => mkdir(join(reports, report), { mode: 0o700 }).then(() => undefined),
    remove: (report) => rmdir(join(reports, report)),
    read: (report, attribute, limit) => readWhole(join(reports, report, attribute), limit),
    write: (report, attribute, bytes) => writeOnce(join(reports, report, attribute), bytes),
  }
}

/** Until the end, since attributes have no size and may come in short pieces. */
async function readWhole(path: string, limit: number): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const parts: Buffer[] = []
    let total = 0
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, null)
      if (bytesRead === 0) return new Uint8Array(Buffer.concat(parts))
      total += bytesRead
      if (total > limit) throw systemError('EFBIG', `${path}: more than ${limit} bytes`)
      parts.push(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}

/** Neither created nor truncated: an attribute that the kernel has not made does not exist. */
async function writeOnce(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, constants.O_WRONLY)
  try {
    const { bytesWritten } = await file.write(bytes)
    if (bytesWritten !== bytes.length) throw systemError('EIO', `${path}: ${bytesWritten} of ${bytes.length} bytes`)
  } finally {
    await file.close()
  }
}
