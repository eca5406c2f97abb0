import { type Digest, epoch, type View } from '@wardline/codec'
import { type BuildRequest, type Certificate, DEFAULT_TIMING, encodeMessage, voteBytes } from '@wardline/consensus'
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
async function soloLeader(fillMs = 0, other: { isForked?: boolean } = {}) {
  const asked: { request: BuildRequest; answer: (built: 'nothing') => void }[] = []
  const journal = await createMemoryDisk().openJournal('votes')
  const facts = { isNewChain: true, isRestored: false, hasVoted: async () => false }
  const { scan } = await openJournal(journal, facts)
  const unused = () => Promise.reject(new Error('not asked for here'))
  const failures: unknown[] = []
  let checks = 0
  const timers: { delayMs: number; run: () => void }[] = []
  const application: Application = {
    fillMs: () => fillMs,
    build: (request) => new Promise((answer) => asked.push({ request, answer })),
    check: unused,
    hold: unused,
    commit: unused,
    fetchBlock: unused,
    catchUp: unused,
    isFinal: () => true,
    exchangePending: () => {},
    ahead: () => {},
    epoch: unused,
    impatient: () => {},
    evidence: unused,
    journalLost: () => {},
    silentUntil: () => {},
    judgeFork: () => (other.isForked ? 'fork' : undefined),
    oldFork: async () => undefined,
    forked: async () => new Error('forked'),
    publish: () => {},
    refused: () => {},
    tell: () => {}
  }
  const chain = chainIdOf(genesis)
  const agreement = createAgreement({
    chain,
    config: {
      chain,
      set: validatorsOf(genesis),
      start: null,
      earlier: () => undefined,
      self: { member: alone.member, signer: alone.vote },
      genesisTimeMs: genesis.created,
      timing: DEFAULT_TIMING
    },
    recovered: { final: null, journal: scan.entries },
    scan,
    journal,
    // Time stands still and no timer fires by itself.
    clock: {
      nowMs: () => START_MS,
      elapsedMs: () => 0,
      after(delayMs, run) {
        timers.push({ delayMs, run })
        return { cancel: () => {} }
      }
    },
    verifier: {
      verify(...check) {
        checks += 1
        return syncVerifier.verify(...check)
      }
    },
    application,
    onFailure(error) {
      if (other.isForked !== true) throw error
      failures.push(error)
    }
  })
  agreement.start()
  agreement.work(true)
  await settled()
  return { agreement, asked, timers, failures, checks: () => checks }
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

test('a block that is to fill is built when its time has come, once', async () => {
  const { agreement, asked, timers } = await soloLeader(40)
  assert.is(asked.length, 0)
  agreement.work(true)
  await settled()
  assert.is(asked.length, 0, 'more work does not cut it short')
  const filling = timers.filter(({ delayMs }) => delayMs === 40)
  assert.is(filling.length, 1)
  filling[0]?.run()
  await settled()
  assert.is(asked.length, 1)
  agreement.stop()
})

/** A finalization of one of many blocks by the only validator, who signed it or did not. */
function finalization(number: number, isGenuine: boolean): Uint8Array {
  const chain = chainIdOf(genesis)
  const place = { epoch: epoch(0), view: 1 as View, digest: number.toString(16).padStart(64, '0') as Digest }
  const genuine = alone.vote.sign(voteBytes('finalize', chain, place.epoch, place.view, place.digest))
  const signature = isGenuine ? genuine : new Uint8Array(64)
  const certificate: Certificate = { kind: 'finalize', ...place, signers: [0], signatures: [signature] }
  return encodeMessage({ kind: 'certificate', certificate, attempt: 0 })
}

test('forged certificates that contradict what is final cost few verifications, and keep no other peer from telling', async () => {
  const { agreement, checks, failures } = await soloLeader(0, { isForked: true })
  const before = checks()
  const verdicts = new Map<string, number>()
  await Promise.all(
    Array.from({ length: 1000 }, async (_, number) => {
      const verdict = await agreement.receive(finalization(number + 1, false), 'liar')
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    })
  )
  assert.equal(Object.fromEntries(verdicts), { reject: 10, busy: 990 })
  assert.is(checks() - before, 10)
  assert.equal(failures, [])
  await agreement.receive(finalization(1, true), 'witness')
  assert.equal(
    failures.map((error) => (error as Error).message),
    ['forked']
  )
})

test('a chain that stops while a block fills does not build it', async () => {
  const { agreement, asked, timers } = await soloLeader(40)
  agreement.stop()
  for (const { delayMs, run } of timers) if (delayMs === 40) run()
  await settled()
  assert.is(asked.length, 0)
})

test.run()
