const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** The program of a worker process: TypeScript in the checkout, JavaScript where it was built. */
export const workerEntry = new URL(`./worker${extension}`, import.meta.url)

/** The thread inside a worker that ends it when its parent is gone. */
export const orphanGuardEntry = new URL(`./orphanGuard${extension}`, import.meta.url)
