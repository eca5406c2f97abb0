/** The demo's sentences. */
import type { CeremonyStep } from '../local-network/ceremony.ts'
import type { AnchorerCounts } from './anchorer.ts'
import { ALLIANCE, PERMISSIONS, TRANSFERS } from './chains.ts'
import type { ChainSummary } from './checks.ts'
import type { Meeting } from './committee.ts'
import type { Counts } from './courier.ts'
import type { Attempt } from './forgeries.ts'
import type { PublisherCounts } from './publisher.ts'
import type { Setting } from './setting.ts'

/** Of the chains' labels. */
const LABEL_WIDTH = 12

export const CEREMONY: Readonly<Record<CeremonyStep, string>> = {
  identities: 'every hospital makes its identity',
  cards: 'every hospital makes its keys for each chain, and its cards',
  genesis: 'the first hospital drafts each genesis from the cards',
  signatures: 'every hospital signs each genesis',
  installing: 'every hospital installs each genesis'
}

export function introduction({ hospitals, folder, choice, plan, source }: Setting): string {
  const leftOut = [
    ...(choice.patientsOfOne === 0 ? [] : [`${choice.patientsOfOne} others stay in one hospital`]),
    ...(choice.patientsLeftOut === 0 ? [] : [`${choice.patientsLeftOut} others go elsewhere`])
  ]
  return [
    '',
    `Wardline: ${hospitals.length} hospitals, and three chains among them`,
    '',
    ...hospitals.map(({ name, place }) => `  ${name}  (${place})`),
    '',
    `  ${ALLIANCE}: every visit's record, shared by all and signed by its doctor`,
    `  ${TRANSFERS}: every hand-off of a record, sealed to its receiver and traced`,
    `  ${PERMISSIONS}: every visit's anchor, the patients' grants, and who was let in`,
    '',
    `${count(choice.journeys.length, 'patient')} with ${count(plan.visits, 'visit')}, ${count(plan.organisationChanges, 'change')} of hospital and ${count(plan.transmissions, 'transmission')} (${source})`,
    ...(leftOut.length === 0 ? [] : [`Left out: ${leftOut.join(', ')}.`]),
    `Everything is in ${folder}`,
    ''
  ].join('\n')
}

/** How far each chain is. */
export type ReplayCounts = {
  readonly shared: Readonly<PublisherCounts>
  readonly anchored: Readonly<AnchorerCounts>
  readonly moved: Readonly<Counts>
}

export function progress({ shared, anchored, moved }: ReplayCounts, { plan }: Setting): string {
  return [
    `${shared.records}/${plan.records} records`,
    `${anchored.anchors}/${plan.anchors} anchors`,
    `${moved.changes}/${plan.organisationChanges} moves`,
    `${moved.transmissions}/${plan.transmissions} transmissions`
  ].join(' · ')
}

export function replayed({ plan }: Setting): string {
  return `${count(plan.visits, 'visit')} of ${count(plan.patients.length, 'patient')}, on three chains at once`
}

/** What is kept for the time while one hospital is away is named, so that nothing seems missing. */
export function perChain({ shared, anchored, moved }: ReplayCounts, { plan }: Setting): string {
  const left = plan.organisationChanges - moved.changes
  const rows: readonly (readonly [label: string, height: number, parts: readonly string[]])[] = [
    [ALLIANCE, shared.height, [`${shared.records}/${plan.records} records`, 'each signed by its doctor']],
    [
      TRANSFERS,
      moved.height,
      [
        `${moved.changes}/${plan.organisationChanges} moves${left === 0 ? '' : `, ${left} for the next step`}`,
        `${moved.transmissions}/${plan.transmissions} transmissions`,
        `${moved.acknowledged} acknowledged`
      ]
    ],
    [PERMISSIONS, anchored.height, [`${anchored.anchors}/${plan.anchors} anchors`]]
  ]
  return rows
    .map(([label, height, parts]) => `      ${label.padEnd(LABEL_WIDTH)} ${[...parts, `block ${height}`].join(' · ')}`)
    .join('\n')
}

export function met({ access, code, records }: Meeting): string {
  return [
    `without a grant: ${access.denied} refused, ${code}, ${access.deniedBytes} bytes`,
    `with one: ${access.permitted === 1 ? count(records, 'record') : 'REFUSED'}`
  ].join(' · ')
}

/** @param timeline drawn */
export function meeting({ owner, requester, file, records, contentBytes }: Meeting, timeline: string): string {
  return [
    `The committee at ${requester.name} asked ${owner.name}`,
    `for records of the patient ${short(file.alias)} and was refused; then the patient granted it, and ${count(records, 'record')} came`,
    `in ${contentBytes} sealed bytes, each as it was anchored. Every hospital has both entries.`,
    '',
    'The same patient on the shared chain, which every hospital has (a doctor’s name is told by the own hospital alone):',
    '',
    timeline,
    ''
  ].join('\n')
}

export function forgeries(attempts: readonly Attempt[]): string {
  return attempts
    .map(({ way, code }) => (code === null ? `by ${way}: NOT refused by all` : `by ${way}: refused, ${code}`))
    .join(' · ')
}

/** One line for a chain on which the hospitals agree; one for each hospital where they do not. */
export function heads(names: readonly string[], chains: readonly ChainSummary[]): string {
  const widest = Math.max(...names.map((name) => name.length))
  const lines = chains.flatMap(({ label, height, heads }) => {
    const isOne = new Set(heads).size === 1
    if (isOne) return [`  ${label.padEnd(LABEL_WIDTH)} block ${height}  ${heads[0]}`]
    return [`  ${label}: NOT one block`, ...heads.map((head, i) => `    ${(names[i] ?? '').padEnd(widest)}  ${head}`)]
  })
  return [`The last block of each chain, at all ${names.length} hospitals:`, '', ...lines, ''].join('\n')
}

export function differencesFound(differences: readonly string[]): string {
  return ['What differs from what should be:', ...differences.map((difference) => `  ${difference}.`), ''].join('\n')
}

/** The first digits of a name, enough for people. */
function short(name: string): string {
  return `${name.slice(0, 12)}…`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
