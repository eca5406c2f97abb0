/** The chains that every daemon of the bench runs. */
import type { ChainMode } from '../local-network/ceremony.ts'
import { type LoadKind, TRAITS } from './kinds.ts'

export type BenchChain = { readonly label: string; readonly mode: ChainMode }

const MODES = ['stt', 'dss', 'spv'] as const satisfies readonly ChainMode[]

/** At least `count` of them: first one of each mode that `kinds` need, then the other modes, then all modes in turn. */
export function chainsFor(kinds: readonly LoadKind[], count: number): readonly BenchChain[] {
  const needed = MODES.filter((mode) => kinds.some((kind) => TRAITS[kind].mode === mode))
  const order = [...needed, ...MODES.filter((mode) => !needed.includes(mode))]
  return Array.from({ length: Math.max(count, needed.length) }, (_, index) => {
    const mode = order[index % order.length] ?? 'stt'
    const turn = Math.floor(index / order.length)
    return { label: turn === 0 ? mode : `${mode}-${turn + 1}`, mode }
  })
}

/** The chain on which a kind is measured. @throws RangeError if none of `chains` has its mode */
export function chainOf(kind: LoadKind, chains: readonly BenchChain[]): string {
  const chain = chains.find(({ mode }) => mode === TRAITS[kind].mode)
  if (chain === undefined) throw new RangeError(`no chain has the mode of ${kind}`)
  return chain.label
}
