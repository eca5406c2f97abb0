/** Taking part in another chain, and leaving one, while the daemon runs. */
import { type Api, ApiError } from '@wardline/api'
import { WardlineError } from '@wardline/codec'
import type { Roster } from '../roster.ts'
import { listed } from './chains.ts'

type Methods = Pick<Api, 'chain.add' | 'chain.remove'>

export function chainChanges(roster: Roster): Methods {
  return {
    async 'chain.add'({ label }) {
      const { member } = await roster.add(label, { expected: false }).catch(told)
      return listed(member)
    },

    async 'chain.remove'({ label }) {
      const removed = await roster.remove(label).catch(told)
      return { label, chain: removed?.member.chain.id ?? null }
    }
  }
}

/** What stands in the way is in this hospital's own settings, files and ports: whoever changes them is told which. */
function told(error: unknown): never {
  if (!(error instanceof WardlineError)) throw error
  throw new ApiError(error.code, error.message, undefined, { cause: error })
}
