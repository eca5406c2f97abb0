/**
 * What clients do on a DSS chain: patients enrol and withdraw, doctors put records on their timelines, amend and read them,
 * and somebody moves a doctor's signature to a patient whom the doctor never saw.
 */
import type { Alias, Hash, RecordId, TransactionId } from '@wardline/codec'
import { commitContent, encodeContent } from '@wardline/crypto'
import {
  type Bodies,
  doctorStatement,
  encodeDescriptor,
  type ParsedTransaction,
  PURPOSES,
  payloadCommitment,
  recordIdOf
} from '@wardline/ledger'
import type { Hospital } from '../cast.ts'
import type { Daemon } from '../daemon.ts'
import { createPatient, type Patient, sponsored } from './patients.ts'
import { createStaff, type Doctor } from './staff.ts'
import type { Act, Built, Clients } from './workload.ts'

type Version = ParsedTransaction<'dss.record' | 'dss.amend'>
type Written = { readonly transaction: Version; readonly patient: Patient; readonly author: Hospital }
type Target = { readonly alias: Alias; readonly recordId: RecordId; readonly supersedes: TransactionId | null }

const PATIENTS_MAX = 6
const DAY_MS = 24 * 60 * 60 * 1000

export function allianceActions(clients: Clients, repeat: Act): Act {
  const { prng, cast, promises, draw, nowMs, parsed, send, isFinal } = clients
  const staff = createStaff(clients)
  const patients: Patient[] = []
  const written: Written[] = []

  function enrol({ self }: Daemon, place: Daemon): void {
    if (patients.length < PATIENTS_MAX) patients.push(createPatient(prng))
    const patient = prng.pick(patients)
    const until = nowMs() + Math.round(prng.chance(0.2) ? prng.between(1000, 60_000) : DAY_MS)
    const draft = { chain: cast.chain, kind: 'dss.enrol', ...draw(), body: { until, basis: 'consent' } } as const
    send(place, { transaction: sponsored(cast, draft, patient, self) })
  }

  function withdraw({ self }: Daemon, place: Daemon): void {
    if (patients.length === 0) return
    const draft = { chain: cast.chain, kind: 'dss.withdraw', ...draw(), body: {} } as const
    send(place, { transaction: sponsored(cast, draft, prng.pick(patients), self) })
  }

  function signatures(target: Target, content: Hash, doctors: readonly Doctor[]): Bodies['dss.record']['doctors'] {
    const attested = { chain: cast.chain, ...target, content }
    return doctors
      .map(({ member, sign }) => ({
        member,
        keyIndex: 0,
        key: sign.publicKey,
        role: 'doctor' as const,
        sig: sign.sign('wardline/doctor/1', doctorStatement(attested, 'doctor'))
      }))
      .sort((a, b) => (a.member < b.member ? -1 : 1))
  }

  function content() {
    const descriptor = encodeDescriptor({ category: prng.pick(['laboratory', 'imaging', 'discharge']) })
    const whole = { salt: prng.bytes(32), descriptor, bytes: prng.bytes(100 + prng.below(400)) }
    const payload = encodeContent(whole)
    const named = { commitment: payloadCommitment(payload), size: payload.length }
    return { commitment: commitContent(whole), payload, named }
  }

  function own({ self }: Daemon): readonly Doctor[] {
    return staff.doctors.filter(({ hospital }) => hospital === self)
  }

  function record({ self }: Daemon, patient: Patient, doctors: readonly Doctor[], signFor = patient): Built {
    const times = draw()
    const { commitment, payload, named } = content()
    const recordId = recordIdOf(cast.chain, self.member, times.nonce)
    const target = { alias: signFor.alias, recordId, supersedes: null }
    const body = { alias: patient.alias, recordId, content: commitment, after: null }
    const draft = {
      chain: cast.chain,
      kind: 'dss.record',
      author: { member: self.member, keyIndex: 0 },
      ...times,
      payload: named,
      body: { ...body, doctors: signatures(target, commitment, doctors) }
    } as const
    return { transaction: parsed(draft, self.sign), payload }
  }

  function publish(daemon: Daemon): void {
    const doctors = own(daemon)
    if (patients.length === 0 || doctors.length === 0) return
    const patient = prng.pick(patients)
    const built = record(daemon, patient, [prng.pick(doctors)])
    written.push({ transaction: built.transaction as Version, patient, author: daemon.self })
    send(daemon, built)
  }

  function amend(daemon: Daemon): void {
    const mine = written.filter((one) => one.author === daemon.self && isFinal(daemon, one.transaction.id))
    if (mine.length === 0) return
    const { transaction, patient } = prng.pick(mine)
    const { alias, recordId, doctors } = transaction.body
    const signers = staff.doctors.filter(({ member }) => doctors.some((doctor) => doctor.member === member))
    const { commitment, payload, named } = content()
    const target = { alias, recordId, supersedes: transaction.id }
    const draft = {
      chain: cast.chain,
      kind: 'dss.amend',
      author: { member: daemon.self.member, keyIndex: 0 },
      ...draw(),
      payload: named,
      body: { ...target, content: commitment, after: null, doctors: signatures(target, commitment, signers) }
    } as const
    const amended = parsed(draft, daemon.self.sign)
    written.push({ transaction: amended as Version, patient, author: daemon.self })
    send(daemon, { transaction: amended, payload })
  }

  function read({ self, ...daemon }: Daemon, place: Daemon): void {
    const final = written.filter(({ transaction }) => isFinal({ self, ...daemon }, transaction.id))
    if (final.length === 0) return
    const { transaction, patient } = prng.pick(final)
    const draft = {
      chain: cast.chain,
      kind: 'dss.access',
      author: { member: self.member, keyIndex: 0 },
      ...draw(),
      body: {
        alias: patient.alias,
        records: [{ record: transaction.body.recordId, version: transaction.id }],
        reader: null,
        purpose: prng.pick(PURPOSES)
      }
    } as const
    send(place, { transaction: parsed(draft, self.sign) })
  }

  /** The doctor signed for another patient: its signature does not verify. */
  function forge(daemon: Daemon): void {
    const doctors = own(daemon)
    if (patients.length < 2 || doctors.length === 0) return
    const patient = prng.pick(patients)
    const another = prng.pick(patients.filter((one) => one !== patient))
    const built = record(daemon, patient, [prng.pick(doctors)], another)
    promises.forbidden(built.transaction)
    send(daemon, built, true)
  }

  return (daemon) => {
    const choice = prng.below(100)
    // What has no payload may go in anywhere.
    const place = prng.chance(0.8) ? daemon : prng.pick(clients.running())
    if (choice < 12 && staff.registered() < 20) staff.register(daemon)
    else if (choice < 24) enrol(daemon, place)
    else if (choice < 27) withdraw(daemon, place)
    else if (choice < 62) publish(daemon)
    else if (choice < 72) amend(daemon)
    else if (choice < 85) read(daemon, place)
    else if (choice < 90) forge(daemon)
    else repeat(daemon)
  }
}
