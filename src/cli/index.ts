export type {
  DevnetLauncher,
  DevnetProcessView,
  DevnetUpOptions,
  DevnetView,
  RunningDevnet,
} from './commands/devnet.ts'
export { CliError } from './errors.ts'
export { EXIT, type ExitCode, exitCodeOf } from './exitCodes.ts'
export { type MainOptions, main, runProgram, type Terminal } from './main.ts'
export { errorSchema, resultSchemas } from './schemas.ts'
