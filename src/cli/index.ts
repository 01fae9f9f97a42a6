export type {
  DevnetLauncher,
  DevnetProcessView,
  DevnetUpOptions,
  DevnetView,
  RunningDevnet,
} from './commands/devnet.ts'
export { DEVNET_DIRECTORY, DEVNET_FILE, DEVNET_REQUESTER } from './context.ts'
export { CliError } from './errors.ts'
export { type MainOptions, main, runProgram, type Terminal } from './main.ts'
