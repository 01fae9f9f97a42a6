/** An error in the form of the system's own, for limits that the system does not watch. */
export const systemError = (code: string, message: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${message}`), { code })
