/** The demo's sentences. */
import type { CeremonyStep } from '../local-network/ceremony.ts'
import type { ChainSummary } from './checks.ts'
import type { Counts } from './courier.ts'
import type { Attempt } from './forgeries.ts'
import type { Setting } from './setting.ts'

export const CEREMONY: Readonly<Record<CeremonyStep, string>> = {
  identities: 'every hospital makes its identity',
  cards: 'every hospital makes its keys for the chain, and its card',
  genesis: 'the first hospital drafts the genesis from the cards',
  signatures: 'every hospital signs the genesis',
  installing: 'every hospital installs the genesis'
}

export function introduction({ hospitals, folder, choice, plan, source }: Setting): string {
  const leftOut = choice.patientsLeftOut === 0 ? '' : `; ${choice.patientsLeftOut} others go elsewhere and are left out`
  return [
    '',
    `Wardline: ${hospitals.length} hospitals, one chain on which every hand-off of a record can be traced`,
    '',
    ...hospitals.map(({ name, place }) => `  ${name}  (${place})`),
    '',
    `${count(choice.journeys.length, 'patient')} with ${count(plan.organisationChanges, 'change')} of hospital and ${count(plan.transmissions, 'transmission')} (${source})${leftOut}`,
    `Everything is in ${folder}`,
    ''
  ].join('\n')
}

export function progress(counts: Counts, { plan }: Setting): string {
  return [
    `${counts.changes}/${plan.organisationChanges} moves`,
    `${counts.transmissions}/${plan.transmissions} transmissions`,
    `${counts.acknowledged} acknowledged`,
    `block ${counts.height}`
  ].join(' · ')
}

/** What is kept for the time while one hospital is away is named, so that nothing seems missing. */
export function replayed({ changes, transmissions, acknowledged }: Counts, { plan }: Setting): string {
  const left = plan.organisationChanges - changes
  return [
    `${changes}/${plan.organisationChanges} moves${left === 0 ? '' : `, ${left} for the next step`}`,
    `${transmissions}/${plan.transmissions} transmissions`,
    `${acknowledged} acknowledged`
  ].join(' · ')
}

export function forgeries(attempts: readonly Attempt[]): string {
  return attempts
    .map(({ way, code }) => (code === null ? `by ${way}: NOT refused by all` : `by ${way}: refused, ${code}`))
    .join(' · ')
}

export function heads(names: readonly string[], { height, heads }: ChainSummary): string {
  const isOne = new Set(heads).size === 1
  const widest = Math.max(...names.map((name) => name.length))
  return [
    isOne ? `All hospitals are at block ${height}:` : 'The hospitals are NOT at one block:',
    '',
    ...heads.map((head, index) => `  ${(names[index] ?? '').padEnd(widest)}  ${head}`),
    ''
  ].join('\n')
}

export function differencesFound(differences: readonly string[]): string {
  return ['What differs from what should be:', ...differences.map((difference) => `  ${difference}.`), ''].join('\n')
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
