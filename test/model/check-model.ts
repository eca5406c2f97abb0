/**
 * `pnpm check:model [--thorough FACTOR] [PART…]`: checks the models of the consensus rules, or those cases whose name
 * contains one of the parts. What is specified must hold, and each mutant, a model with one rule broken, must be caught:
 * a case that ends otherwise fails the run. `--thorough` makes the random simulations that many times as long.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Assembly, exploreVotes } from './exhaust.ts'
import { type Simulation, simulate } from './quint.ts'
import { describeState, exploreView, type Rules, SPECIFIED } from './stuck.ts'

type Verdict = { readonly isBroken: boolean; readonly detail: string }
type Case = {
  readonly name: string
  /** A mutant must break, what is specified must not. */
  readonly isMutant: boolean
  run(): Verdict | Promise<Verdict>
}

const { values, positionals } = parseArgs({
  options: { thorough: { type: 'string', default: '1' } },
  allowPositionals: true
})
const thorough = Number(values.thorough)
if (!(thorough >= 1)) throw new RangeError('--thorough wants a factor of at least 1')

const faults = (validators: number) => Math.floor((validators - 1) / 3)
const quorum = (validators: number) => Math.ceil((2 * validators) / 3)

const cases: readonly Case[] = [
  { name: 'quorum arithmetic for n = 1..100', isMutant: false, run: checkQuorums },
  ...[1, 2, 3, 4, 5, 6, 7, 10].map((validators) =>
    votes(`every vote of ${validators}`, false, { validators, byzantine: faults(validators), views: 5 })
  ),
  votes('every vote, finalize-and-nullify', true, { broken: 'finalize-and-nullify' }),
  votes('every vote, two-digests-in-a-view', true, { broken: 'two-digests-in-a-view' }),
  votes('every vote, skip-proof-unchecked', true, { broken: 'skip-proof-unchecked' }),
  votes('every vote of 5, quorum-2f+1', true, { validators: 5, quorum: 3 }),
  votes('every vote of 6, quorum-2f+1', true, { validators: 6, quorum: 3 }),
  votes('every vote, more-than-f-byzantine', true, { byzantine: 2 }),

  view('every state of a view', false, {}),
  view('every state, finalize-without-keeping-the-notarization', true, { isNotarizationKept: false }),
  view('every state, certificates-not-repeated', true, { areCertificatesRepeated: false }),
  view('every state, own-votes-not-tallied', true, { areOwnVotesTallied: false }),
  view('every state, notarization-ignored-after-nullify', true, { isNotarizationUsedAfterNullify: false }),
  view('every state, transactions-not-exchanged', true, { areTransactionsExchanged: false }),

  spec('spec, four validators', {}, { witnesses: ['twoFinal', 'finalAfterSkip'] }),
  spec('spec, three validators', { SETS: [[0, 1, 2]], BYZ: { set: [] } }, { witnesses: ['twoFinal'] }),
  spec('spec, seven validators', { SETS: [[0, 1, 2, 3, 4, 5, 6]], BYZ: { set: [4, 6] }, MAXV: 3 }, { samples: 15 }),
  spec('spec, one member replaced', epochs('specified'), { witnesses: ['repeated', 'nextEpochFinal'], steps: 80 }),
  spec('spec, one member added', {
    ...epochs('specified'),
    SETS: [
      [0, 1, 2, 3],
      [0, 1, 2, 3, 4]
    ],
    BYZ: { set: [3] }
  }),
  spec('spec, a lost journal', lostJournal('specified')),

  mutant('spec, finalize-after-nullify', { RULE: 'finalize-after-nullify' }),
  mutant('spec, nullify-after-finalize', { RULE: 'nullify-after-finalize' }),
  mutant('spec, two-digests-in-a-view', { RULE: 'two-digests-in-a-view' }),
  mutant('spec, gap-unchecked', { RULE: 'gap-unchecked' }),
  mutant('spec, crash-forgets-votes', { RULE: 'crash-forgets-votes' }),
  mutant('spec, quorum-2f+1', { RULE: 'quorum-2f+1', SETS: [[0, 1, 2, 3, 4]], BYZ: { set: [4] } }),
  mutant('spec, more-than-f-byzantine', { BYZ: { set: [2, 3] } }, { invariants: ['agreement'] }),
  mutant('spec, sleepers-time-out', { RULE: 'sleepers-time-out' }),
  mutant('spec, successor-of-closing-block', epochs('successor-of-closing-block'), { seed: 2 }),
  mutant('spec, epoch-begins-on-notarization', epochs('epoch-begins-on-notarization')),
  mutant('spec, removed-member-counts', epochs('removed-member-counts')),
  mutant('spec, no-vote-below-m+1', lostJournal('no-vote-below-m+1')),
  mutant('spec, no-vote-below-m', lostJournal('no-vote-below-m'))
]

function votes(name: string, isMutant: boolean, assembly: Partial<Assembly>): Case {
  const validators = assembly.validators ?? 4
  const full = { validators, byzantine: 1, quorum: quorum(validators), views: 4, broken: null, ...assembly }
  return {
    name,
    isMutant,
    run() {
      const { states, fork } = exploreVotes(full)
      return { isBroken: fork !== null, detail: `${states} vote assignments` }
    }
  }
}

function view(name: string, isMutant: boolean, broken: Partial<Rules>): Case {
  return {
    name,
    isMutant,
    run() {
      const { states, stuck } = exploreView({ ...SPECIFIED, ...broken })
      return { isBroken: stuck !== null, detail: `${states} states${stuck ? `: ${describeState(stuck)}` : ''}` }
    }
  }
}

function epochs(rule: string): Simulation['constants'] {
  return {
    SETS: [
      [0, 1, 2, 3],
      [0, 1, 2, 4]
    ],
    BYZ: { set: [3, 4] },
    MAXV: 3,
    RULE: rule
  }
}

/** Nobody is Byzantine: who has lost its journal is the one fault. */
function lostJournal(rule: string): Simulation['constants'] {
  return { BYZ: { set: [] }, MAXV: 4, RULE: rule, JOURNAL_LOSSES: 1 }
}

function spec(name: string, constants: Simulation['constants'], run: Partial<Simulation> = {}): Case {
  return simulation(name, false, constants, { samples: 25, ...run })
}

function mutant(name: string, constants: Simulation['constants'], run: Partial<Simulation> = {}): Case {
  return simulation(name, true, constants, { samples: 4000, ...run })
}

function simulation(
  name: string,
  isMutant: boolean,
  constants: Simulation['constants'],
  run: Partial<Simulation> & { readonly samples: number }
): Case {
  const defaults = { SETS: [[0, 1, 2, 3]], BYZ: { set: [3] }, MAXV: 4, RULE: 'specified', JOURNAL_LOSSES: 0 }
  const invariants = ['agreement', 'oneBlockPerView', 'finalNeverSkipped', 'oneStart', 'noFrame', 'quiet']
  const { witnesses = [], samples } = run
  return {
    name,
    isMutant,
    async run() {
      const { violated, witnessed } = await simulate({
        module: 'simplex',
        constants: { ...defaults, ...constants },
        invariants,
        steps: 60,
        seed: 1,
        ...run,
        samples: samples * thorough
      })
      const unseen = isMutant ? [] : witnesses.filter((each) => (witnessed.get(each) ?? 0) === 0)
      if (unseen.length > 0) throw new Error(`no trace reached ${unseen.join(', ')}`)
      return { isBroken: violated.length > 0, detail: violated.join(', ') || `${samples * thorough} traces` }
    }
  }
}

/** Two quorums share a correct node; one is reached without the faulty; more than half concur. */
function checkQuorums(): Verdict {
  const wrong: number[] = []
  for (let n = 1; n <= 100; n++) {
    const [q, f] = [quorum(n), faults(n)]
    if (2 * q - n < f + 1 || q > n - f || 2 * q <= n || q !== Math.floor((n + f) / 2) + 1) wrong.push(n)
  }
  return { isBroken: wrong.length > 0, detail: wrong.join(', ') }
}

const started = performance.now()
const queue = cases.filter(({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)))
const count = queue.length
const failed: string[] = []
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work))
for (const name of failed) console.log(`failed: ${name}`)
if (count === 0) console.log(`no case matches ${positionals.join(' ')}`)
console.log(`${count - failed.length} of ${count} cases as expected, ${seconds(started)} s`)
process.exitCode = failed.length === 0 && count > 0 ? 0 : 1

async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const startedAt = performance.now()
    const { isBroken, detail } = await next.run()
    const isRight = isBroken === next.isMutant
    if (!isRight) failed.push(next.name)
    const verdict = isBroken ? 'caught' : 'holds'
    const line = [
      isRight ? 'ok   ' : 'WRONG',
      next.name.padEnd(58),
      verdict.padEnd(6),
      `${seconds(startedAt)} s`,
      detail
    ]
    console.log(line.join('  '))
  }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}
