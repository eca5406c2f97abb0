/** What a call that fails was about: its caller and the audit log are told, for something may have come of it. */
import { ApiError } from '@wardline/api'

/** By ids alone, under the names that the answer would have. */
export type About = Readonly<Record<string, string | null>>

/** What `work` gives; its failure, told to a caller, has `about` in its data, under what it says itself. */
export async function about<T>(ids: About, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    throw new ApiError(error.code, error.message, { ...ids, ...error.data }, { cause: error })
  }
}
