/**
 * The members of this hospital's staff whose keys it keeps, on one chain: each one's keys in the vault, with the display
 * name, which never reaches the chain.
 */
import {
  bytes32,
  bytesOf,
  createInTurn,
  decodeCbor,
  encodeCbor,
  type Hash,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Read,
  text,
  WardlineError
} from '@wardline/codec'
import { createOpener, createSigner, type Opener, type Signer } from '@wardline/crypto'
import { memberIdOf } from '@wardline/ledger'
import type { Log, Random, Vault } from '@wardline/ports'
import { type VaultIndex, vaultContent, vaultDamaged } from './vault-index.ts'

export type Person = {
  readonly member: MemberId
  readonly name: string
  readonly signer: Signer
  readonly opener: Opener
  /** The signed transaction that registers the person, as it was last submitted. */
  readonly registration: Uint8Array | null
}

export type Persons = {
  /** The signing key of a member of staff; undefined if it is not kept here. */
  signerOf(member: MemberId): Promise<Signer | undefined>
  /** The sealing key of a member of staff; undefined if it is not kept here. */
  openerOf(member: MemberId): Promise<Opener | undefined>
  /**
   * Runs `work` for the person with this reference, whose keys are made if there are none, after whatever runs for the same
   * one; without a reference for a new person.
   */
  registering<T>(who: NewPerson, work: (person: Person, change: PersonChange) => Promise<T>): Promise<T>
}

export type NewPerson = { readonly name: string; readonly reference: string | null }

export type PersonChange = {
  /** Keeps keys, name and the signed registration, durably before resolving. */
  readonly keep: (registration: Uint8Array) => Promise<void>
  /** Forgets the keys of somebody who was not registered. */
  readonly forget: () => Promise<void>
}

export type PersonsParts = {
  readonly vault: Vault
  readonly index: VaultIndex
  readonly random: Random
  readonly log: Log
  /** Gets every person's display name, now and later. */
  readonly names: Map<MemberId, string>
}

const TEXT_BYTES_MAX = 1024
/** Persons whose keys stay in memory once they have signed. */
const LOADED_MAX = 1024

const readStored = mapOf({
  v: oneOf(1),
  name: text(TEXT_BYTES_MAX),
  reference: nullable(text(TEXT_BYTES_MAX)),
  sign: bytesOf(32),
  seal: bytesOf(32),
  registration: nullable(bytesOf(1, limits.transactionBytesMax))
})
type Stored = Read<typeof readStored>

/** Reads the names of all persons in the vault. One that is damaged keeps nothing else from working. */
export async function openPersons({ vault, index, random, log, names }: PersonsParts): Promise<Persons> {
  const inTurn = createInTurn()
  const loaded = new Map<MemberId, Person>()

  async function load(member: MemberId): Promise<Stored | undefined> {
    const bytes = await vaultContent(vault, personName(member))
    if (bytes === undefined) return undefined
    const stored = readStored(decodeCbor(bytes))
    if (stored === undefined || memberIdOf(createSigner(stored.sign).publicKey) !== member) {
      throw vaultDamaged(personName(member))
    }
    return stored
  }

  async function personOf(member: MemberId): Promise<Person | undefined> {
    const known = loaded.get(member)
    if (known !== undefined) return known
    const stored = await load(member)
    if (stored === undefined) return undefined
    const person = open(stored)
    const [oldest] = loaded.keys()
    if (loaded.size >= LOADED_MAX && oldest !== undefined) loaded.delete(oldest)
    loaded.set(member, person)
    return person
  }

  async function memberWith(reference: Hash): Promise<MemberId | undefined> {
    const bytes = await vaultContent(vault, referenceName(reference))
    if (bytes === undefined) return undefined
    const member = bytes32<MemberId>(decodeCbor(bytes))
    if (member === undefined) throw vaultDamaged(referenceName(reference))
    return member
  }

  async function known(reference: Hash | undefined): Promise<Stored | undefined> {
    const member = reference === undefined ? undefined : await memberWith(reference)
    return member === undefined ? undefined : load(member)
  }

  function changeOf(stored: Stored, member: MemberId, reference: Hash | undefined): PersonChange {
    return {
      async keep(registration) {
        // The way from the reference to the keys first: without keys behind it, it leads nowhere.
        if (reference !== undefined) await vault.put(referenceName(reference), encodeCbor(nameBytes(member)))
        await vault.put(personName(member), encodeCbor({ ...stored, registration }))
        names.set(member, stored.name)
      },
      async forget() {
        await vault.remove(personName(member))
        if (reference !== undefined) await vault.remove(referenceName(reference))
        names.delete(member)
        loaded.delete(member)
      }
    }
  }

  for (const name of await vault.names(PERSONS)) {
    const member = name.slice(PERSONS.length) as MemberId
    try {
      const stored = await load(member)
      if (stored !== undefined) names.set(member, stored.name)
    } catch (error) {
      if (!(error instanceof WardlineError)) throw error
      log.error('the keys of a person in the vault cannot be read', { member, code: error.code })
    }
  }

  return {
    signerOf: async (member) => (await personOf(member))?.signer,
    openerOf: async (member) => (await personOf(member))?.opener,
    async registering({ name, reference }, work) {
      const hash = reference === null ? undefined : await index('person', reference)
      const run = async () => {
        const stored = (await known(hash)) ?? newPerson(name, reference, random)
        const person = open(stored)
        return work(person, changeOf(stored, person.member, hash))
      }
      return hash === undefined ? run() : inTurn(hash, run)
    }
  }
}

function newPerson(name: string, reference: string | null, random: Random): Stored {
  return { v: 1, name, reference, sign: random.bytes(32), seal: random.bytes(32), registration: null }
}

function open({ name, sign, seal, registration }: Stored): Person {
  const signer = createSigner(sign)
  return { member: memberIdOf(signer.publicKey), name, signer, opener: createOpener(seal), registration }
}

const PERSONS = 'persons/'

function personName(member: MemberId): string {
  return `${PERSONS}${member}`
}

function referenceName(reference: Hash): string {
  return `person-references/${reference}`
}
