/** What a patient signs can be pending under the signatures of several sponsors: one id, and one end. */
import { createSigner, syncVerifier } from '@wardline/crypto'
import {
  chainIdOf,
  execute,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  recoveryStatement,
  rotationStatement,
  signAliasTransaction,
  sponsorTransaction
} from '@wardline/ledger'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAdmission } from '../src/admission.ts'
import { createFinalState } from '../src/final-state.ts'
import type { Head } from '../src/head.ts'
import { keys } from '../src/layout.ts'
import { createMempool } from '../src/mempool.ts'
import { openStore } from '../src/open.ts'
import { createOutcomes } from '../src/outcomes.ts'
import type { PayloadKeeper } from '../src/payloads.ts'
import { createSubmitter } from '../src/submit.ts'
import { founded, HOUR_MS, type Hospital, nextNonce, START_MS, secret, transaction } from './chain-world.ts'

const test = suite('node/two-sponsors')

/** A daemon's submitter on an alliance of four, on a disk of its own. */
async function submitterOf() {
  const { genesis, hospitals } = founded(4, 'test', 'DSS')
  const chain = chainIdOf(genesis)
  const store = await createMemoryDisk().openStore('chain')
  const opened = await openStore(store, chain, genesis)
  let head: Head = opened.head
  const state = createFinalState(store)
  const dropped: string[] = []
  const payloads = {
    fault: () => undefined,
    has: () => false,
    keep: async () => {},
    dropped: async ({ leaf }: ParsedTransaction) => void dropped.push(leaf),
    withdrawn: async () => {}
  } as unknown as PayloadKeeper

  /** As after a restart, with what is on the disk. */
  function start() {
    const mempool = createMempool()
    const clock = { nowMs: () => START_MS, elapsedMs: () => 0, after: () => ({ cancel() {} }) }
    const parts = { chain, state, mempool, head: () => head }
    const admission = createAdmission({ ...parts, verifier: syncVerifier, clock, sponsors: () => 4 })
    const outcomes = createOutcomes(clock)
    const submitter = createSubmitter({
      ...parts,
      store,
      admission,
      outcomes,
      payloads,
      committed: () => undefined,
      onAccepted() {},
      background: (run) => void run()
    })
    return { mempool, admission, outcomes, submitter }
  }

  /** The key of this hospital is replaced at once, by the others' approvals; what it signed before is refused for good. */
  async function replaceKey({ member, name }: Hospital): Promise<void> {
    const fresh = createSigner(secret(`${name} fresh`))
    const what = { member, sign: fresh.publicKey, seal: null }
    const terms = { epoch: 0, expires: START_MS + HOUR_MS }
    const statement = recoveryStatement(chain, what, terms)
    const approvals = hospitals
      .filter((one) => one.member !== member)
      .map((one) => ({
        member: one.member,
        key: one.sign.publicKey,
        signature: one.sign.sign('wardline/approval/1', statement)
      }))
      .sort((one, other) => (one.member < other.member ? -1 : 1))
    const proof = fresh.sign('wardline/key-proof/1', rotationStatement(chain, what))
    const [registrar] = hospitals as [Hospital]
    const body = { action: 'recover', ...what, proof, ...terms, approvals } as never
    const recovery = transaction(genesis, registrar, 'member.rotate', body)
    const position = { height: 1 as never, time: head.time + 1, parent: head }
    const done = execute(state, { ...position, transactions: [recovery] })
    if (done.kind === 'invalid') throw new Error(done.code)
    const changes = [...done.changes, ...done.seen]
    await store.write(
      changes.map(({ key, value }) => ({ key: keys.state(key), value })),
      { sync: true }
    )
    state.update(changes)
    head = { ...head, time: head.time + 1 }
  }

  const wallet = createSigner(secret('a patient'))
  const draft = { nonce: nextNonce(), created: START_MS - 1000, expires: START_MS + HOUR_MS }
  const body = { until: START_MS + 1000 * HOUR_MS, basis: 'consent' as const }
  const signed = parseUnsponsored(signAliasTransaction({ chain, kind: 'dss.enrol', ...draft, body }, wallet), chain)
  if (signed.kind !== 'ok') throw new Error('a patient’s enrolment has a form')
  const sponsored = (by: Hospital): ParsedTransaction => {
    const parsed = parseTransaction(
      sponsorTransaction(signed.transaction, { member: by.member, keyIndex: 0 }, by.sign),
      chain
    )
    if (parsed.kind !== 'ok') throw new Error(parsed.code)
    return parsed.transaction
  }
  const [one, , , other] = hospitals as [Hospital, Hospital, Hospital, Hospital]
  return {
    start,
    replaceKey,
    other,
    first: sponsored(one),
    second: sponsored(other),
    dropped,
    headTime: () => head.time
  }
}

test('a client that waits is not told that it is refused while another sponsor’s copy may still become final', async () => {
  const { start, replaceKey, other, first, second, headTime } = await submitterOf()
  const { submitter, admission, mempool, outcomes } = start()
  assert.equal([first.id === second.id, first.leaf === second.leaf], [true, false])
  assert.is((await submitter.submit(first.bytes)).kind, 'accepted')
  assert.is((await admission.verify(second)) && admission.admit(second).kind, 'admitted')
  await replaceKey(other)
  submitter.committed({ header: { time: headTime() }, transactions: [] } as never)
  assert.equal([mempool.get(second.leaf), outcomes.failed(first.id)], [undefined, undefined])
  assert.is(admission.judge(first).kind, 'accept')
})

test('at a restart the copy that is refused takes neither the other one’s end nor its payload', async () => {
  const { start, replaceKey, other, first, second, dropped } = await submitterOf()
  const before = start()
  for (const { bytes } of [first, second]) assert.is((await before.submitter.submit(bytes)).kind, 'accepted')
  await replaceKey(other)
  const { submitter, outcomes } = start()
  assert.equal(
    (await submitter.restore()).map(({ leaf }) => leaf),
    [first.leaf]
  )
  assert.equal([outcomes.failed(first.id), dropped], [undefined, []])
})

test.run()
