/** The practitioners of the journeys as members of the shared chain: each hospital registers its own and keeps their keys. */
import type { MemberId } from '@wardline/codec'
import type { JourneyPlan, Practitioner, Visit } from '@wardline/records'
import { ALLIANCE } from './chains.ts'
import { type Hospitals, siteOf } from './hospitals.ts'
import { cardName } from './journeys.ts'

export type Staff = {
  readonly doctors: number
  /** The display name of a doctor registered here. */
  readonly nameOf: (doctor: MemberId) => string
  /** Who signs for a visit's record. */
  doctorOf(visit: Visit): MemberId
}

/** Stands in where a visit names no Practitioner, or one that is no longer active. */
const ON_DUTY = 'Doctor on duty'

/** Registers a doctor for every practitioner and hospital that a visit of the plan has. Hospitals work side by side. */
export async function registerStaff(
  plan: JourneyPlan,
  practitioners: ReadonlyMap<string, Practitioner>,
  hospitals: Hospitals,
  onProgress: (doctors: number) => void
): Promise<Staff> {
  const names = new Map<string, Map<string, string>>()
  const keyOf = ({ practitioner }: Visit) =>
    practitioner !== null && practitioners.get(practitioner)?.active === true ? practitioner : ON_DUTY
  for (const visit of plan.patients.flatMap(({ steps }) => steps)) {
    if (visit.kind !== 'visit') continue
    const key = keyOf(visit)
    const mine = names.get(visit.hospital) ?? new Map<string, string>()
    names.set(visit.hospital, mine.set(key, cardName(practitioners.get(key)?.name ?? key)))
  }
  const doctors = new Map<string, MemberId>()
  const nameOf = new Map<MemberId, string>()
  await Promise.all(
    [...names].map(async ([hospital, mine]) => {
      const { admin } = siteOf(hospitals, hospital).daemon
      for (const [key, name] of mine) {
        const { member } = await admin.call('person.create', { chain: ALLIANCE, name, role: 'doctor', reference: key })
        doctors.set(`${hospital} ${key}`, member)
        nameOf.set(member, name)
        onProgress(doctors.size)
      }
    })
  )
  return {
    doctors: doctors.size,
    nameOf: (doctor) => nameOf.get(doctor) ?? doctor,
    doctorOf(visit) {
      const doctor = doctors.get(`${visit.hospital} ${keyOf(visit)}`)
      if (doctor === undefined) throw new RangeError('every visit of the plan has its doctor')
      return doctor
    }
  }
}
