import fc from 'fast-check'

/** Runs are repeatable; another seed, or `random`, looks elsewhere: `FC_SEED=random npm test -- --only property`. */
const seed = process.env.FC_SEED ?? '20261121'
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) })
