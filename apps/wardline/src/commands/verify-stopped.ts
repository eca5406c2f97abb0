/** Verifies a chain on the disk of a daemon that does not run: the same answer as the method `chain.verify` gives. */
import type { Result } from '@wardline/api'
import { height } from '@wardline/codec'
import { homePaths, type Settings } from '@wardline/config'
import { createVerifier } from '@wardline/crypto'
import { chainIdOf } from '@wardline/ledger'
import { verifyChain } from '@wardline/node'
import { openLevelStore } from '@wardline/store-level'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { readSignedGenesis } from './genesis.ts'

const NOT_FOR_HERE: readonly string[] = ['database-too-new', 'database-too-old', 'database-of-another-chain']

/** @throws WardlineError `store-locked` if a daemon has the database after all */
export async function verifyStopped({ config }: Settings, label: string): Promise<Result<'chain.verify'>> {
  const labels = Object.keys(config.chains)
  const chain = config.chains[label]
  if (chain === undefined) {
    throw usage(`Name one of the chains of this home: ${labels.join(', ') || 'it has none'}.`)
  }
  const genesis = await readSignedGenesis(chain.genesis)
  const startedMs = performance.now()
  const store = await openLevelStore(homePaths(config.home).chain(label).store)
  try {
    const verifier = createVerifier()
    const result = await verifyChain({
      store,
      genesis,
      verify: (key, message, signature) => verifier.verify(key, message, signature)
    })
    const elapsedMs = Math.round(performance.now() - startedMs)
    const base = { chain: chainIdOf(genesis), elapsedMs }
    if (result.kind === 'verified') {
      const { height: at, digest, appHash, transactions } = result
      return { ...base, ok: true, height: at, head: digest, appHash, transactions, fault: null }
    }
    const { height: at, code, what } = result
    // Nothing is wrong with such a database: it is not for this program, or not for this chain.
    if (NOT_FOR_HERE.includes(code)) {
      throw new CommandFailure(EXIT.error, code, `The database cannot be verified here: ${what}.`)
    }
    const agreed = { height: height(Math.max(0, at - 1)), head: null, appHash: null, transactions: null }
    return { ...base, ok: false, ...agreed, fault: { height: at, code, what } }
  } finally {
    await store.close()
  }
}
