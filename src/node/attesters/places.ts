import { TSM_REPORTS } from './tsmDirectory.ts'

/** Where a machine keeps what attesters ask; tests have others. */
export interface AttesterPlaces {
  /** Linux's own file system for configuration, and its directory of attestation reports. */
  readonly configfs: string
  readonly tsmReports: string
  readonly nsmDevice: string
  /** The guest agent's socket, newest name first. */
  readonly dstackSockets: readonly string[]
  /** Folders in which programs are looked for, as in PATH. */
  readonly path: string
}

export const machinePlaces = (path = process.env.PATH ?? ''): AttesterPlaces => ({
  configfs: '/sys/kernel/config',
  tsmReports: TSM_REPORTS,
  nsmDevice: '/dev/nsm',
  dstackSockets: ['/var/run/dstack.sock', '/var/run/tappd.sock'],
  path,
})
