/** The part of a pino logger that roles use. Never given keys, vouchers, prompts or outputs. */
export interface RoleLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
