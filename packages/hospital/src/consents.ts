/**
 * What this hospital knows of the consents that hand-offs of one chain name: terms and a note for each, in the vault under
 * `consent/<hash>`. The chain has the hashes alone, and no other hospital learns anything of this.
 */
import {
  createInTurn,
  decodeCbor,
  encodeCbor,
  type Hash,
  isHex32,
  limits,
  mapOf,
  nullable,
  oneOf,
  optional,
  type Read,
  text,
  uint,
  WardlineError
} from '@wardline/codec'
import { type ConsentTerms, isBounded } from '@wardline/custody'
import type { Log, Vault } from '@wardline/ports'
import { vaultContent, vaultDamaged } from './vault-index.ts'

/** `note` has 1 to `limits.consentNoteBytesMax` bytes; null for none. */
export type Consent = ConsentTerms & {
  readonly note: string | null
  /** Of the last note, by this hospital's clock, milliseconds; null where it was made before that was kept. */
  readonly notedMs: number | null
}

/** What a note names; null clears it. What it leaves out stays. */
export type ConsentChange = Partial<Omit<Consent, 'notedMs'>>

export type Consents = {
  /** Undefined where nothing is kept of it, or what is kept is damaged. */
  readonly get: (consent: Hash) => Consent | undefined
  /** Whether something is kept of it that cannot be read. */
  readonly isDamaged: (consent: Hash) => boolean
  /** All that something is kept of, ascending; `damaged` where it cannot be read. */
  list(): readonly (readonly [Hash, Consent | 'damaged'])[]
  /** Those whose terms can make a hand-off invalid, ascending. */
  bounded(): readonly Hash[]
  /**
   * Changes what is kept of the consent and gives the whole of it, durable when resolved; of a damaged one what is not named is
   * lost. `full` where it would be one more than `limits.consentsMax`. @throws WardlineError `vault-failed`
   */
  note(consent: Hash, change: ConsentChange, nowMs: number): Promise<Consent | 'full' | 'ends-before-it-begins'>
  /** Keeps nothing of it any more, durably when resolved. @throws WardlineError `vault-failed` */
  remove(consent: Hash): Promise<'removed' | 'absent'>
}

export const NOTHING_NOTED: Consent = { fromMs: null, untilMs: null, withdrawnMs: null, note: null, notedMs: null }

const readStored = mapOf({
  v: oneOf(1),
  fromMs: nullable(uint),
  untilMs: nullable(uint),
  withdrawnMs: nullable(uint),
  note: nullable(text(limits.consentNoteBytesMax)),
  notedMs: optional(uint)
})
type Stored = Read<typeof readStored>

const CONSENTS = 'consent/'

/** Reads all of them. One that is damaged keeps nothing else from working: its consent is unknown until it is noted anew. */
export async function openConsents({ vault, log }: { readonly vault: Vault; readonly log: Log }): Promise<Consents> {
  const inTurn = createInTurn()
  const kept = new Map<Hash, Consent | 'damaged'>()

  async function load(consent: Hash): Promise<Consent> {
    const name = nameOf(consent)
    const bytes = await vaultContent(vault, name)
    const stored = bytes && readStored(decodeCbor(bytes))
    if (stored === undefined) throw vaultDamaged(name)
    const { v: _, notedMs = null, ...terms } = stored
    return { ...terms, notedMs }
  }

  for (const name of await vault.names(CONSENTS)) {
    const consent = name.slice(CONSENTS.length)
    if (!isHex32(consent)) continue
    try {
      kept.set(consent as Hash, await load(consent as Hash))
    } catch (error) {
      if (!(error instanceof WardlineError)) throw error
      kept.set(consent as Hash, 'damaged')
      log.error('what is noted of a consent cannot be read', { consent, code: error.code })
    }
  }

  const list = () => [...kept].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return {
    get(consent) {
      const found = kept.get(consent)
      return found === 'damaged' ? undefined : found
    },
    isDamaged: (consent) => kept.get(consent) === 'damaged',
    list,
    bounded: () => list().flatMap(([consent, terms]) => (terms !== 'damaged' && isBounded(terms) ? [consent] : [])),
    // All in one turn, for two that are new to be counted one after the other.
    note: (consent, change, nowMs) =>
      inTurn(CONSENTS, async () => {
        const known = kept.get(consent)
        if (known === undefined && kept.size >= limits.consentsMax) return 'full'
        const { notedMs: _, ...before } = known === undefined || known === 'damaged' ? NOTHING_NOTED : known
        const terms = { ...before, ...change }
        const { fromMs, untilMs } = terms
        if (fromMs !== null && untilMs !== null && untilMs <= fromMs) return 'ends-before-it-begins'
        await vault.put(nameOf(consent), encodeCbor({ v: 1, ...terms, notedMs: nowMs } satisfies Stored))
        const noted = { ...terms, notedMs: nowMs }
        kept.set(consent, noted)
        return noted
      }),
    remove: (consent) =>
      inTurn(CONSENTS, async () => {
        if (!kept.has(consent)) return 'absent'
        await vault.remove(nameOf(consent))
        kept.delete(consent)
        return 'removed'
      })
  }
}

function nameOf(consent: Hash): string {
  return `${CONSENTS}${consent}`
}
