/** The replay, with its two forgeries in the midst of it. */
import { WardlineError } from '@wardline/codec'
import type { Forgery } from '../adversary/forgery.ts'
import type { Site } from '../local-network/network.ts'
import { type Courier, createCourier } from './courier.ts'
import { type Attempt, attemptForgeries } from './forgeries.ts'
import { neverAt } from './most-travelled.ts'
import type { Screen } from './screen.ts'
import type { Setting } from './setting.ts'
import { splitPlan } from './split.ts'
import type { Stages } from './stages.ts'
import { forgeries, progress, replayed } from './wording.ts'

/** The one rule that must refuse both forgeries. */
export const REFUSAL = 'not-a-holder'
/** Changes of hospital kept for the time when one hospital is away. */
const CHANGES_MEANWHILE = 8

export type Travels = { readonly courier: Courier; readonly attempts: readonly Attempt[] }

/** Replays the plan. The last hospital is the one whose keys are misused, while the others' journeys go on. */
export async function travel(parts: {
  readonly setting: Setting
  readonly label: string
  readonly sites: readonly Site[]
  readonly screen: Screen
  readonly stages: Stages
}): Promise<Travels> {
  const { setting, label, sites, screen } = parts
  const { stage, check } = parts.stages
  const ids = setting.choice.hospitals
  const culprit = sites.at(-1)
  const absent = ids.at(-1)
  if (culprit === undefined || absent === undefined) throw new RangeError('a demo has hospitals')
  const honest = sites.slice(0, -1)
  const byId = new Map(sites.map((site, index) => [ids[index] ?? '', site]))
  let aside = ''
  const courier = createCourier(byId, (counts) => screen.update(aside + progress(counts, setting)))
  const { before, meanwhile } = splitPlan(setting.plan, absent, CHANGES_MEANWHILE)
  const [first = '', second = ''] = ids

  await stage('Replaying', async () => {
    await courier.replay(before)
    return [undefined, replayed(courier.counts, setting)]
  })
  const attempts = await stage('Forging', async () => {
    const known = neverAt(courier.trails.values(), absent)
    const target = known ?? (await courier.sendNote(first, second))
    const [delivered] = target.deliveries
    const holder = delivered && byId.get(delivered.to)
    if (delivered === undefined || holder === undefined) throw new RangeError('a trail has deliveries')
    const made = await attemptForgeries({
      label,
      culprit,
      honest,
      forgery: await forgeryOf({ ...target, via: delivered.transmission }, holder, honest),
      onStep(text) {
        screen.update(text)
        aside = 'meanwhile: '
      },
      async traffic(isOver) {
        await courier.replay(meanwhile)
        while (!isOver()) await courier.sendNote(first, second)
      }
    })
    for (const { way, code } of made) check(code === REFUSAL, `the forgery by ${way} was not refused as ${REFUSAL}`)
    return [made, forgeries(made)]
  })
  return { courier, attempts }
}

/** A hand-off of what `holder` got by `via`, to another honest hospital. */
async function forgeryOf(
  { record, via }: Pick<Forgery, 'record' | 'via'>,
  holder: Site,
  honest: readonly Site[]
): Promise<Forgery> {
  const receiver = honest.find((site) => site !== holder)
  const { content } = await holder.daemon.ehr.call('record.trace', { record })
  const { members } = await holder.daemon.ehr.call('member.list', {})
  const sealingKey = members.find(({ member }) => member === receiver?.member)?.sealKey
  if (receiver === undefined || sealingKey == null) {
    throw new WardlineError('no-receiver', 'there is no other hospital that a forged hand-off could go to')
  }
  return { record, content, via, holder: holder.member, receiver: receiver.member, sealingKey }
}
