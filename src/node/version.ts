import { readFileSync } from 'node:fs'

/** The package's version: `package.json` stands two folders above in the checkout, three above where it was built. */
export function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'))
      if (name === '@opg/node' && typeof version === 'string') return version
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  throw new RangeError('expected package.json of @opg/node above this module')
}
