import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { delimiter, isAbsolute, join } from 'node:path'
import {
  type Attester,
  AttesterError,
  dstackAttester,
  type NsmStyle,
  nsmAttester,
  nvidiaAttester,
  tsmAttester,
  tsmProvider,
} from '../../attestation/index.ts'
import { type EvidenceKind, toError } from '../../protocol/index.ts'
import { PROBE_TIMEOUT_MS } from '../constants.ts'
import { askAgent } from './askAgent.ts'
import type { AttesterPlaces } from './places.ts'
import { runTool } from './runTool.ts'
import { tsmDirectory } from './tsmDirectory.ts'

/** Attesters by hardware, in the order in which `auto` prefers them: dstack measures more than the bare quote does. */
export const HARDWARE_ATTESTERS = ['dstack', 'configfs-tsm', 'nsm'] as const
export type HardwareAttester = (typeof HARDWARE_ATTESTERS)[number]

/** Whether an attester works here; if not, what is missing and what would help. */
export type Availability =
  | { readonly available: true; readonly kind: EvidenceKind; readonly by: string }
  | { readonly available: false; readonly reason: string; readonly remedy?: string }

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

const tsmComponents = (places: AttesterPlaces) => ({
  directory: tsmDirectory(places.tsmReports),
  name: () => `opg-${randomBytes(8).toString('hex')}`,
  wait,
})

export const openTsm = (places: AttesterPlaces): Promise<Attester> => tsmAttester(tsmComponents(places))

export const openNsm = (
  places: AttesterPlaces,
  init: { readonly helper: string; readonly style: NsmStyle },
): Attester => nsmAttester({ run: runTool(places.path) }, init)

export const openDstack = (socket: string): Attester => dstackAttester({ ask: askAgent }, { socket })

export const openGpu = (places: AttesterPlaces, init: { readonly tool: string }): Attester =>
  nvidiaAttester({ run: runTool(places.path) }, init)

/** Looks without making evidence. */
export async function lookFor(name: HardwareAttester, places: AttesterPlaces): Promise<Availability> {
  switch (name) {
    case 'configfs-tsm':
      return await lookForTsm(places)
    case 'nsm':
      return await lookForNsm(places)
    case 'dstack':
      return await lookForDstack(places)
  }
}

async function lookForTsm(places: AttesterPlaces): Promise<Availability> {
  if ((await kindAt(places.configfs)) === undefined)
    return missing(places.configfs, 'configfs is Linux alone; there: mount -t configfs none /sys/kernel/config')
  if ((await kindAt(places.tsmReports)) === undefined)
    return missing(
      places.tsmReports,
      'inside a TDX or SEV-SNP guest with Linux 6.7 or later: modprobe tdx_guest, or modprobe sev-guest',
    )
  try {
    const { provider, kind } = await tsmProvider(tsmComponents(places))
    return { available: true, kind, by: `${provider} at ${places.tsmReports}` }
  } catch (thrown) {
    const denied = thrown instanceof AttesterError && thrown.code === 'attester-denied'
    return no(toError(thrown).message, denied ? `run as a user who may write to ${places.tsmReports}` : undefined)
  }
}

async function lookForNsm(places: AttesterPlaces): Promise<Availability> {
  if ((await kindAt(places.nsmDevice)) === undefined)
    return missing(places.nsmDevice, 'only Nitro enclaves have it: build the node into an enclave image')
  if (!(await may(places.nsmDevice, constants.R_OK | constants.W_OK)))
    return no(`${places.nsmDevice} may not be opened by this user`, 'run as root in the enclave')
  const helper = await findProgram(places.nsmHelper, places.path)
  if (helper === undefined)
    return no(`no program ${places.nsmHelper}`, 'install a helper for /dev/nsm, or name one in attester.helper')
  return { available: true, kind: 'nitro', by: helper }
}

/** The guest agent's socket, newest name first; undefined where there is none. */
export async function findDstackSocket(places: AttesterPlaces): Promise<string | undefined> {
  for (const socket of places.dstackSockets) if ((await kindAt(socket)) === 'socket') return socket
  return undefined
}

async function lookForDstack(places: AttesterPlaces): Promise<Availability> {
  const socket = await findDstackSocket(places)
  if (socket === undefined)
    return missing(places.dstackSockets[0] ?? '', 'in a dstack application, mount the socket into the container')
  const fault = await tryConnect(socket)
  if (fault !== undefined) return no(`nobody answers at ${socket}: ${fault}`, 'see that the guest agent runs')
  return { available: true, kind: 'tdx-dstack', by: socket }
}

/** The system's name of what went wrong; undefined where somebody accepts. */
function tryConnect(socket: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = connect(socket)
    const end = (fault: string | undefined): void => {
      connection.destroy()
      resolve(fault)
    }
    connection.setTimeout(PROBE_TIMEOUT_MS, () => end('ETIMEDOUT'))
    connection.once('connect', () => end(undefined))
    connection.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}

/** The program's path, as a shell would find it. */
export async function findProgram(name: string, path: string): Promise<string | undefined> {
  const candidates = isAbsolute(name) ? [name] : path.split(delimiter).map((folder) => join(folder, name))
  for (const candidate of candidates) {
    if ((await kindAt(candidate)) === 'file' && (await may(candidate, constants.X_OK))) return candidate
  }
  return undefined
}

const no = (reason: string, remedy?: string): Availability => ({
  available: false,
  reason,
  ...(remedy === undefined ? {} : { remedy }),
})

const missing = (path: string, remedy: string): Availability => no(`no ${path}`, remedy)

async function kindAt(path: string): Promise<'socket' | 'file' | 'other' | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return undefined
  return found.isSocket() ? 'socket' : found.isFile() ? 'file' : 'other'
}

const may = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  )
