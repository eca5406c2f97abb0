/**
 * The sealing keys of this hospital on one chain. Others seal to the one that the chain says is in force; what was sealed to
 * an earlier one is opened with that one, however long ago it was replaced.
 */
import { type SealKey, WardlineError } from '@wardline/codec'
import type { Opener } from '@wardline/crypto'
import type { Submission } from '@wardline/node'
import type { KeyLine } from './chain-setup.ts'

export type OwnSeals = {
  /** What opens envelopes that are sealed to this key; undefined where its secret is not here. */
  openerOf(key: SealKey): Opener | undefined
  /** The one that was made last. */
  newest(): SealKey
  /**
   * Has a new key announced, kept durably before. One that was announced once is never again, for it may have been taken back;
   * one whose announcement was refused at once is left for the next. Calls come one after the other.
   * @throws WardlineError `keys-failed`, `too-many-keys`, and what `parts` throw
   */
  renew(parts: Renewal): Promise<{ readonly key: SealKey; readonly submission: Submission }>
}

export type Renewal = {
  /** Throws where no key can be announced now: then none is made. */
  readonly check: () => void
  readonly announce: (key: SealKey) => Promise<Submission>
}

/** @throws WardlineError `keys-incomplete` if there is none, or one is missing between others */
export async function openOwnSeals(
  line: KeyLine,
  { label, openerOf }: { readonly label: string; readonly openerOf: (secret: Uint8Array) => Opener }
): Promise<OwnSeals> {
  const openers = new Map<SealKey, Opener>()
  const add = (secret: Uint8Array): SealKey => {
    const opener = openerOf(secret)
    openers.set(opener.publicKey, opener)
    return opener.publicKey
  }
  const last = (await line.all()).map(add).at(-1)
  if (last === undefined) throw new WardlineError('keys-incomplete', `the keys of chain ${label} have no seal key`)
  let newest = last
  let unannounced: SealKey | undefined
  let renewing: Promise<unknown> = Promise.resolve()

  async function make(): Promise<SealKey> {
    newest = add(await line.make())
    return newest
  }

  return {
    openerOf: (key) => openers.get(key),
    newest: () => newest,
    renew({ check, announce }) {
      const renewed = renewing.then(async () => {
        check()
        const key = unannounced ?? (await make())
        unannounced = undefined
        const submission = await announce(key)
        if (submission.kind === 'refused') unannounced = key
        return { key, submission }
      })
      renewing = renewed.catch(() => undefined)
      return renewed
    }
  }
}
