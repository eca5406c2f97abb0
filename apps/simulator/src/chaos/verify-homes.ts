/**
 * What the disks of stopped hospitals say, each by itself and all together: every block is executed again from the genesis,
 * every signature and certificate checked; their chains must be one; and no validator may have signed two votes that
 * exclude each other, by all journals and all certificates.
 */
import { homePaths } from '@wardline/config'
import { parseCertificate } from '@wardline/consensus'
import { createVerifier } from '@wardline/crypto'
import { verifyChain } from '@wardline/node'
import { openLevelStore } from '@wardline/store-level'
import { type Arena, type Hospital, LABEL } from './arena.ts'
import { type FinalChain, readFinalChain } from './final-chain.ts'

export type Verified = {
  /** Of the hospital that is furthest. */
  readonly chain: FinalChain
  readonly certificates: number
}

/** Tells violations to the arena. Undefined where no home could be read. */
export async function verifyHomes(arena: Arena): Promise<Verified | undefined> {
  const chains: { readonly name: string; readonly chain: FinalChain }[] = []
  let certificates = 0
  for (const hospital of arena.hospitals) {
    const found = await verifyHome(arena, hospital)
    if (found === undefined) continue
    chains.push({ name: hospital.name, chain: found.chain })
    certificates += found.certificates
  }
  const [longest] = [...chains].sort((a, b) => b.chain.blocks.length - a.chain.blocks.length)
  if (longest === undefined) return undefined
  for (const { name, chain } of chains) {
    const at = chain.blocks.findIndex(({ digest }, index) => digest !== longest.chain.blocks[index]?.digest)
    if (at >= 0) arena.violate('fork', `${name} and ${longest.name} have two blocks ${at + 1}`)
  }
  for (const epoch of arena.votes.untold()) {
    arena.violate('unknown-epoch', `certificates of epoch ${epoch} were seen, which no chain on a disk has`)
  }
  for (const conflict of arena.votes.conflicts()) arena.violate('double-vote', conflict)
  return { chain: longest.chain, certificates }
}

async function verifyHome(arena: Arena, { name, home }: Hospital): Promise<Verified | undefined> {
  const { genesis, chain, votes } = arena
  const verifier = createVerifier()
  try {
    const store = await openLevelStore(homePaths(home).chain(LABEL).store)
    try {
      const verify: Parameters<typeof verifyChain>[0]['verify'] = (key, message, signature) =>
        verifier.verify(key, message, signature)
      const verification = await verifyChain({ store, genesis, verify })
      if (verification.kind === 'failed') {
        const { height, code, what } = verification
        arena.violate('bad-chain', `${name} fails at block ${height}: ${what} (${code})`)
      } else for (const set of verification.sets) votes.epoch(set)
      let certificates = 0
      for await (const [, bytes] of store.range({ from: 'blocks/certificate/', to: 'blocks/certificate0' })) {
        const certificate = parseCertificate(bytes)
        if (certificate === undefined) continue
        votes.certificate(certificate)
        certificates += 1
      }
      return { chain: await readFinalChain(store, chain), certificates }
    } finally {
      await store.close()
    }
  } catch (error) {
    arena.violate('unreadable-home', `the database of ${name} cannot be read: ${(error as Error).message}`)
    return undefined
  }
}
