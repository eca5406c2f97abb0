/** Who votes changes, while clients ask and daemons are killed. */
import {
  type Arena,
  eventually,
  type Hospital,
  killHospital,
  noteFault,
  pause,
  startHospital,
  stateOf,
  untilProgress
} from '../arena.ts'
import type { Scenario } from '../scenario.ts'

/** How long after a change was accepted a daemon may be killed, ms: its block takes some tens, and the epoch ends there. */
const MOMENT_MS_MAX = 400

/** One votes with a new key, then not at all, then again; a daemon is killed around each of these changes. */
export const changedValidators: Scenario = {
  name: 'validators',
  hindrance: ({ arena }) => (arena.hospitals.length < 4 ? 'it takes four hospitals' : undefined),
  async play({ arena }) {
    const subject = arena.prng.pick(arena.hospitals)
    const others = arena.hospitals.filter((hospital) => hospital !== subject)
    const [first] = others as [Hospital]
    await change(arena, { by: subject, action: 'rotate', approvers: arena.hospitals })
    await change(arena, { by: first, action: 'remove', member: subject.member, approvers: others })
    await untilProgress(arena.hospitals, 'those that vote and the one that follows')
    await change(arena, { by: subject, action: 'add', approvers: others })
  }
}

type Change = {
  readonly by: Hospital
  readonly action: 'add' | 'remove' | 'rotate'
  readonly member?: Hospital['member']
  readonly approvers: readonly Hospital[]
}

/** What was accepted comes true, whoever is killed then: all are in the next epoch, and its blocks become final. */
async function change(arena: Arena, { by, action, member, approvers }: Change): Promise<void> {
  noteFault(arena, 'validators changed')
  const { draft, epoch } = await by.admin.call('validator.propose', { action, ...(member !== undefined && { member }) })
  await eventually(`nothing speaks against the change "${action}"`, async () => {
    const reviews = await Promise.all(approvers.map(({ admin }) => admin.call('validator.review', { draft })))
    return reviews.every(({ problems }) => problems.length === 0)
  })
  const approved = await Promise.all(approvers.map(({ admin }) => admin.call('validator.approve', { draft })))
  const approvals = approved.map(({ approval }) => approval)
  await by.admin.call('validator.submit', { draft, approvals, wait: 'accepted' })
  const victim = arena.prng.pick([by, ...arena.hospitals])
  await pause(arena.prng.between(0, MOMENT_MS_MAX))
  await killHospital(arena, victim)
  await pause(arena.prng.between(0, MOMENT_MS_MAX))
  await startHospital(arena, victim)
  await eventually(`all are in epoch ${epoch + 1}`, async () => {
    const states = await Promise.all(arena.hospitals.map(stateOf))
    return states.every((state) => state?.epoch === epoch + 1)
  })
}
