/** Evidence that no block takes: how often the witness tries, and when it tries again. */
import {
  type CborValue,
  type Digest,
  decodeCbor,
  encodeCbor,
  epoch,
  type MemberId,
  type SignKey,
  type View
} from '@wardline/codec'
import type { Evidence, ValidatorSet } from '@wardline/consensus'
import { createSigner } from '@wardline/crypto'
import { genesisChanges, stateKeys, validatorsOf } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Membership } from '../src/membership.ts'
import { startWitness } from '../src/witness.ts'
import { createManyChains } from './many-chains.ts'

const test = suite('hospital/witness')

const MINUTE_MS = 60_000

/** A witness of a chain that only has its genesis, with one piece of evidence, and submissions that are answered so. */
function witnessed(signedWith: (key: SignKey) => SignKey, refusal: string) {
  const { world, genesis: genesisOf } = createManyChains()
  const genesis = genesisOf('transfers')
  const rows = new Map(genesisChanges(genesis).map(({ key, value }) => [key, value]))
  const set = validatorsOf(genesis)
  const [offender] = set.validators
  const signer = offender?.member as MemberId
  let present: ValidatorSet = {
    ...set,
    validators: set.validators.map((one) => (one.member === signer ? { ...one, key: signedWith(one.key) } : one))
  }
  const vote = (digit: string) => ({
    kind: 'notarize',
    digest: digit.repeat(64) as Digest,
    signature: new Uint8Array(64)
  })
  const evidence = { signer, epoch: epoch(0), view: 3 as View, votes: [vote('a'), vote('b')] } as unknown as Evidence
  let submissions = 0
  let committed: () => void = () => {}
  const failures: unknown[] = []
  const member = {
    chain: {
      id: 'c'.repeat(64),
      self: set.validators[1]?.member,
      state: { get: (key: string) => rows.get(key) ?? undefined },
      setOf: () => present,
      evidence: () => [evidence],
      mempool: () => [],
      onEvidence: () => () => {},
      onCommit(run: () => void) {
        committed = run
        return () => {}
      },
      async submit() {
        submissions += 1
        return { kind: 'refused', code: refusal }
      }
    },
    clock: world.clock,
    random: { bytes: (size: number) => new Uint8Array(size) },
    signer: createSigner(new Uint8Array(32).fill(7)),
    log: { debug() {}, info() {}, warn() {}, error() {} }
  } as unknown as Membership
  startWitness(member, (error) => failures.push(error))
  return {
    submissions: () => submissions,
    async run(forMs: number) {
      await world.run({ forMs })
      assert.equal(failures, [])
    },
    /** An epoch begins in which the member votes with the key of the evidence again. */
    keyReturns() {
      present = set
      const row = decodeCbor(rows.get(stateKeys.validators) ?? new Uint8Array()) as Readonly<Record<string, CborValue>>
      rows.set(stateKeys.validators, encodeCbor({ ...row, epoch: 2 }))
      committed()
    }
  }
}

test('evidence against a key that its member has replaced is not reported, however long it is kept', async () => {
  const it = witnessed((key) => `${key.slice(0, 62)}00` as SignKey, 'bad-signature')
  await it.run(60 * MINUTE_MS)
  assert.is(it.submissions(), 0)
})

test('and is reported when the member votes with that key again', async () => {
  const it = witnessed((key) => `${key.slice(0, 62)}00` as SignKey, 'enough-reported')
  await it.run(10 * MINUTE_MS)
  it.keyReturns()
  await it.run(10 * MINUTE_MS)
  assert.is(it.submissions(), 1)
})

test('a report that is refused for good is made once', async () => {
  const it = witnessed((key) => key, 'enough-reported')
  await it.run(60 * MINUTE_MS)
  assert.is(it.submissions(), 1)
})

for (const code of ['busy', 'key-revoked', 'author-expired']) {
  test(`a report that is refused for now, or for what this hospital is, is made again: ${code}`, async () => {
    const it = witnessed((key) => key, code)
    await it.run(10 * MINUTE_MS + 10_000)
    assert.is(it.submissions(), 11)
  })
}

test.run()
