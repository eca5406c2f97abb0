/** What a number of validators stands, in words. */
import { crashesTolerated, faultsTolerated, quorum } from '@wardline/consensus'

/** @param n validators, at least 1 */
export function toleranceText(n: number): string {
  const votes = `Every block needs ${quorum(n)} of ${n} validators.`
  if (n === 1) return `${votes} The chain stands and falls with it.`
  const away = crashesTolerated(n)
  const lying = faultsTolerated(n)
  const goesOn =
    away === 0
      ? 'It stops whenever one is away'
      : `It goes on while ${away === 1 ? 'one is' : `no more than ${away} are`} away`
  const holds = lying === 0 ? 'none lies' : lying === 1 ? 'no more than one lies' : `no more than ${lying} lie`
  return `${votes} ${goesOn}, and cannot fork while ${holds}.`
}
