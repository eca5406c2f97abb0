import { type BuildRequest, DEFAULT_TIMING } from '@wardline/consensus'
import { syncVerifier } from '@wardline/crypto'
import { chainIdOf, validatorsOf } from '@wardline/ledger'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Application, createAgreement } from '../src/agree.ts'
import { openJournal } from '../src/open.ts'
import { founded, type Hospital, START_MS } from './chain-world.ts'

const test = suite('node/agree')

const { genesis, hospitals } = founded(1)
const [alone] = hospitals as readonly [Hospital]

/** A solo leader whose blocks are filled by hand. */
async function soloLeader() {
  const asked: { request: BuildRequest; answer: (built: 'nothing') => void }[] = []
  const journal = await createMemoryDisk().openJournal('votes')
  const scan = await openJournal(journal, true, null)
  const unused = () => Promise.reject(new Error('not asked for here'))
  const application: Application = {
    build: (request) => new Promise((answer) => asked.push({ request, answer })),
    check: unused,
    commit: unused,
    fetchBlock: unused,
    catchUp: unused,
    isFinal: () => true,
    exchangePending: () => {},
    publish: () => {},
    tell: () => {}
  }
  const chain = chainIdOf(genesis)
  const agreement = createAgreement({
    chain,
    config: {
      chain,
      set: validatorsOf(genesis),
      self: { member: alone.member, signer: alone.vote },
      genesisTimeMs: genesis.created,
      timing: DEFAULT_TIMING
    },
    recovered: { final: null, journal: scan.entries },
    scan,
    journal,
    // Time stands still and no timer ever fires.
    clock: { nowMs: () => START_MS, after: () => ({ cancel: () => {} }) },
    verifier: syncVerifier,
    application,
    onFailure: (error) => {
      throw error
    }
  })
  agreement.start()
  agreement.work(true)
  await settled()
  return { agreement, asked }
}

/** Lets the loop come to rest: everything in it is memory. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('a transaction that arrives while a block is being filled waits for no timer', async () => {
  const { agreement, asked } = await soloLeader()
  assert.is(asked.length, 1)
  agreement.work(true)
  asked[0]?.answer('nothing')
  await settled()
  assert.is(asked.length, 2, 'the leader looks again')
  assert.is(asked[1]?.request.view, asked[0]?.request.view)
  agreement.stop()
})

test('what no block can take keeps the leader from asking again and again', async () => {
  const { agreement, asked } = await soloLeader()
  asked[0]?.answer('nothing')
  await settled()
  assert.is(asked.length, 1)
  assert.is(agreement.status().awake, false)
  agreement.stop()
})

test.run()
