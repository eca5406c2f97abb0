/**
 * The keys that one chain's key set is given in the course of time: the first is in the set, as its card names it, and those
 * that replace it lie each in a file of its own, `<label>.<use>-<number>`, since no key file is ever written twice. None is
 * ever removed here: an epoch that votes with a key may still be running somewhere, and what was sealed to one may still
 * lie somewhere.
 */
import { WardlineError } from '@wardline/codec'
import type { Keys, Random } from '@wardline/ports'

/** Keys of one use on one chain. A chain registers no more of a member. */
const KEYS_MAX = 64

export function voteKeysOf(keys: Keys, label: string, random: Random) {
  return keyLineOf(keys, { label, use: 'vote' }, random)
}

export function sealKeysOf(keys: Keys, label: string, random: Random) {
  return keyLineOf(keys, { label, use: 'seal' }, random)
}

function keyLineOf(keys: Keys, { label, use }: { readonly label: string; readonly use: string }, random: Random) {
  const nameOf = (number: number) => (number === 1 ? label : `${label}.${use}-${number}`)

  let making: Promise<unknown> = Promise.resolve()

  async function all(): Promise<readonly Uint8Array[]> {
    const found: Uint8Array[] = []
    let missing: string | undefined
    for (let number = 1; number <= KEYS_MAX; number++) {
      const name = nameOf(number)
      const secret = (await keys.load(name))?.[use]
      if (secret === undefined) missing ??= name
      else if (missing === undefined) found.push(secret)
      else
        throw new WardlineError(
          'keys-incomplete',
          `there is a ${use} key ${name}, and none before it: ${missing} is missing; put its file back`
        )
    }
    return found
  }

  async function makeNext(): Promise<Uint8Array> {
    const number = (await all()).length + 1
    if (number > KEYS_MAX) throw new WardlineError('too-many-keys', `chain ${label} has had ${number - 1} ${use} keys`)
    const secret = random.bytes(32)
    await keys.create(nameOf(number), { [use]: secret })
    return secret
  }

  return {
    /**
     * All of them, the first one first, 32 bytes each.
     * @throws WardlineError `keys-unreadable | keys-passphrase`, `keys-incomplete` where a file is missing before another
     */
    all,
    /** Makes another, durably before resolving; one after the other. @throws WardlineError `keys-failed`, `too-many-keys`, and as `all` */
    make(): Promise<Uint8Array> {
      const made = making.then(makeNext)
      making = made.catch(() => undefined)
      return made
    }
  }
}
