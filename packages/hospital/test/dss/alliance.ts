/** What tests of an alliance share: its fence, and patients and doctors made through the interface. */
import type { ParamsInput, Result } from '@wardline/api'
import type { Alias, MemberId } from '@wardline/codec'
import type { GenesisMode } from '@wardline/ledger'
import { base64, type Daemon, until } from '../hospitals.ts'

export const ALLIANCE: GenesisMode = {
  mode: 'DSS',
  fence: {
    purpose: 'Treatment of shared patients',
    legalBasis: 'Consent',
    retentionYears: 10,
    contact: 'privacy@alliance.example',
    excludedLabels: ['hiv', 'psychotherapy']
  }
}

export async function doctorAt(daemon: Daemon, name: string, role: 'doctor' | 'nurse' = 'doctor'): Promise<MemberId> {
  return (await daemon.call('person.create', { name, role })).member
}

/** A patient with a wallet at this hospital, enrolled. */
export async function enrolledAt(daemon: Daemon, patient: string): Promise<Alias> {
  await daemon.call('alias.open', { patient })
  return (await daemon.call('patient.enrol', { patient })).alias
}

export function publish(
  daemon: Daemon,
  alias: Alias,
  doctor: string,
  text: string,
  more: Partial<ParamsInput<'record.publish'>> = {}
): Promise<Result<'record.publish'>> {
  return daemon.call('record.publish', { alias, content: base64(text), doctors: [doctor], ...more })
}

export async function timeline(
  daemon: Daemon,
  alias: Alias,
  filter: Partial<ParamsInput<'patient.timeline'>> = {}
): Promise<Result<'patient.timeline'>> {
  return daemon.call('patient.timeline', { alias, ...filter })
}

/** Waits until all have the same entries of the patient, which are `count` or more, and answers the timeline of each. */
export async function sameTimelines(daemons: readonly Daemon[], alias: Alias, count: number) {
  const all = async () => Promise.all(daemons.map((daemon) => timeline(daemon, alias)))
  await until('all have the same entries', async () => {
    const timelines = await all()
    return timelines.every(({ head, count: own }) => own >= count && head === timelines[0]?.head)
  })
  return all()
}

export function textOf({ content }: Result<'record.open'>): string {
  return Buffer.from(content, 'base64').toString()
}
