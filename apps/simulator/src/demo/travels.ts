/** The replay on all three chains at once, then what somebody tries who has a hospital's keys, while the last moves go on. */
import { WardlineError } from '@wardline/codec'
import type { PatientPlan } from '@wardline/records'
import type { Forgery } from '../adversary/forgery.ts'
import { memberOn, type Site } from '../local-network/network.ts'
import { whileStopped } from './adversary.ts'
import { type AnchoredFile, type Anchorer, createAnchorer } from './anchorer.ts'
import { ALLIANCE, TRANSFERS } from './chains.ts'
import { type Courier, createCourier } from './courier.ts'
import { type Attempt, attemptForgeries } from './forgeries.ts'
import { type Hospitals, siteOf } from './hospitals.ts'
import { neverAt } from './most-travelled.ts'
import { attemptReading, type Prying } from './prying.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import type { Screen } from './screen.ts'
import type { Setting } from './setting.ts'
import { splitPlan } from './split.ts'
import { registerStaff, type Staff } from './staff.ts'
import type { Stages } from './stages.ts'
import { forgeries, perChain, progress, type ReplayCounts, replayed } from './wording.ts'

/** The one rule that must refuse both forgeries. */
export const REFUSAL = 'not-a-holder'
/** Changes of hospital kept for the time when one hospital is away. */
const CHANGES_MEANWHILE = 8

export type Travels = {
  readonly courier: Courier
  readonly publisher: Publisher
  readonly anchorer: Anchorer
  readonly staff: Staff
  readonly attempts: readonly Attempt[]
  readonly prying: Prying
  /** As they are now. */
  readonly counts: () => ReplayCounts
}

/** Replays the plan. The last hospital is the one whose keys are misused, while the others' journeys go on. */
export async function travel(parts: {
  readonly setting: Setting
  readonly sites: readonly Site[]
  readonly screen: Screen
  readonly stages: Stages
}): Promise<Travels> {
  const { setting, sites, screen } = parts
  const { stage, check } = parts.stages
  const ids = setting.choice.hospitals
  const absent = ids.at(-1)
  if (absent === undefined) throw new RangeError('a demo has hospitals')
  const byId = new Map(sites.map((site, index) => [ids[index] ?? '', site]))
  const staff = await stage('Staffing', async () => {
    const registered = await registerStaff(setting.plan, setting.practitioners, byId, (doctors) =>
      screen.update(`${doctors} doctors`)
    )
    return [registered, `${registered.doctors} doctors, registered on ${ALLIANCE} by their hospitals`]
  })
  let aside = ''
  const counts = (): ReplayCounts => ({
    shared: publisher.counts,
    anchored: anchorer.counts,
    moved: courier.counts
  })
  const onProgress = () => screen.update(aside + progress(counts(), setting))
  const publisher = createPublisher(byId, staff, onProgress)
  const anchorer = createAnchorer(byId, onProgress)
  const courier = createCourier(byId, onProgress)
  const { before, meanwhile } = splitPlan(setting.plan, absent, CHANGES_MEANWHILE)

  await stage('Replaying', async () => {
    const { patients } = setting.plan
    // Each chain goes through the journeys on its own.
    await Promise.all([publisher.replay(patients), anchorer.replay(patients), courier.replay(before)])
    return [undefined, replayed(setting)]
  })
  screen.say(perChain(counts(), setting))
  const { attempts, prying } = await stage('Forging', async () => {
    const onStep = (text: string) => {
      screen.update(text)
      aside = 'meanwhile: '
    }
    const done = await misuse({ hospitals: byId, absent, courier, files: anchorer.files, meanwhile, onStep })
    for (const { way, code } of done.attempts) {
      check(code === REFUSAL, `the forgery by ${way} was not refused as ${REFUSAL}`)
    }
    return [done, forgeries(done.attempts)]
  })
  return { courier, publisher, anchorer, staff, attempts, prying, counts }
}

/** What somebody tries who has the keys of the hospital `absent`, whose daemon is stopped; the others go on. */
async function misuse(parts: {
  readonly hospitals: Hospitals
  readonly absent: string
  readonly courier: Courier
  readonly files: readonly AnchoredFile[]
  readonly meanwhile: readonly PatientPlan[]
  readonly onStep: (text: string) => void
}): Promise<Pick<Travels, 'attempts' | 'prying'>> {
  const { hospitals, absent, courier, files, meanwhile, onStep } = parts
  const culprit = siteOf(hospitals, absent)
  const honest = [...hospitals.values()].filter((site) => site !== culprit)
  const [first = '', second = ''] = hospitals.keys()
  const target = neverAt(courier.trails.values(), absent) ?? (await courier.sendNote(first, second))
  const [delivered] = target.deliveries
  const file = files.find(({ hospital }) => hospital !== absent)
  if (delivered === undefined || file === undefined) throw new RangeError('a replay leaves trails and anchors')
  const holder = siteOf(hospitals, delivered.to)
  const forgery = await forgeryOf({ ...target, via: delivered.transmission }, holder, honest)
  return whileStopped(culprit, onStep, async () => {
    const attempts = await attemptForgeries({
      label: TRANSFERS,
      culprit,
      honest,
      forgery,
      onStep,
      async traffic(isOver) {
        await courier.replay(meanwhile)
        while (!isOver()) await courier.sendNote(first, second)
      }
    })
    onStep('a reader with its keys asks without a grant, and fetches although refused')
    return { attempts, prying: await attemptReading(culprit, siteOf(hospitals, file.hospital), file) }
  })
}

/** A hand-off of what `holder` got by `via`, to another honest hospital. */
async function forgeryOf(
  { record, via }: Pick<Forgery, 'record' | 'via'>,
  holder: Site,
  honest: readonly Site[]
): Promise<Forgery> {
  const receiver = honest.find((site) => site !== holder)
  const { commitment } = await holder.daemon.ehr.call('record.trace', { chain: TRANSFERS, record })
  const { members } = await holder.daemon.ehr.call('member.list', { chain: TRANSFERS })
  const to = receiver && memberOn(receiver, TRANSFERS)
  const sealingKey = members.find(({ member }) => member === to)?.sealKey
  if (to === undefined || sealingKey == null) {
    throw new WardlineError('no-receiver', 'there is no other hospital that a forged hand-off could go to')
  }
  return { record, content: commitment, via, holder: memberOn(holder, TRANSFERS), receiver: to, sealingKey }
}
