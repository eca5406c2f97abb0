/** Traces of `test/model/validator.qnt`, drawn from a seed. */
import { traces } from '../../../../test/model/quint.ts'

export const VALIDATORS = 4
export const BYZANTINE = [3]

/** @param steps of each trace @throws Error with what Quint printed if a trace violates what must hold */
export function drawTraces(count: number, steps: number, seed: number): Promise<readonly string[]> {
  return traces({
    module: 'validator',
    constants: { N: VALIDATORS, BYZ: { set: BYZANTINE }, MAXV: 4, CRASHES: 2 },
    invariants: ['agreement', 'oneBlockPerView', 'noFrame'],
    steps,
    samples: count,
    seed
  })
}
