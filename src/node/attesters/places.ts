import type { NodeConfig } from '../config.ts'
import { NSM_HELPER } from '../constants.ts'
import { TSM_REPORTS } from './tsmDirectory.ts'

/** Where a machine keeps what attesters ask; tests have others. */
export interface AttesterPlaces {
  /** Linux's own file system for configuration, and its directory of attestation reports. */
  readonly configfs: string
  readonly tsmReports: string
  readonly nsmDevice: string
  /** Program that asks the device, a path or a name to be found in `path`. */
  readonly nsmHelper: string
  /** The guest agent's socket, newest name first. */
  readonly dstackSockets: readonly string[]
  /** Folders in which programs are looked for, as in PATH. */
  readonly path: string
}

export const machinePlaces = (path = process.env.PATH ?? ''): AttesterPlaces => ({
  configfs: '/sys/kernel/config',
  tsmReports: TSM_REPORTS,
  nsmDevice: '/dev/nsm',
  nsmHelper: NSM_HELPER,
  dstackSockets: ['/var/run/dstack.sock', '/var/run/tappd.sock'],
  path,
})

/** The same machine, with what a configuration names in place of the usual. */
export function configuredPlaces(places: AttesterPlaces, { attester }: Pick<NodeConfig, 'attester'>): AttesterPlaces {
  if (attester.kind === 'nsm') return { ...places, nsmHelper: attester.helper }
  if (attester.kind === 'dstack' && attester.socket !== undefined)
    return { ...places, dstackSockets: [attester.socket] }
  return places
}
