/** Members of a chain. */
import type { ParamsInput, Result } from '@wardline/api'
import { readText } from '../files.ts'
import { type Common, emit, say, sayCut, short, table, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeOf } from '../times.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

export async function listMembers(common: Common, { chain }: { readonly chain?: string }): Promise<void> {
  const members = await withDaemon(common, async (client) => {
    let page = await client.call('member.list', { chain, limit: 1000 })
    const all = [...page.members]
    while (page.next !== null) {
      page = await client.call('member.list', { chain, limit: 1000, after: page.next })
      all.push(...page.members)
    }
    return all
  })
  const text = await table(
    ['member', 'name', 'role', 'attributes', 'status', 'votes', 'until', 'new keys from'],
    members.map((member) => [
      short(member.member),
      member.name,
      member.role,
      member.attributes.join(' '),
      member.status,
      member.validator ? 'yes' : 'no',
      member.untilMs === null ? '-' : utc(member.untilMs),
      member.nextKeysFromMs === null ? '-' : utc(member.nextKeysFromMs)
    ])
  )
  emit(common, { members }, () => text)
  sayCut(common, members.length)
}

export type RegisterOptions = WaitOptions & {
  readonly role: string
  readonly staff?: boolean
  readonly attribute: readonly string[]
  readonly until?: string
}

export async function registerMember(common: Common, card: string, options: RegisterOptions): Promise<void> {
  const untilMs = timeOf('--until', options.until)
  const params = {
    ...(await waitParams(options)),
    card: await readText(card),
    // The daemon knows the roles and names them if this is none.
    role: options.role as ParamsInput<'member.register'>['role'],
    staff: options.staff,
    attributes: options.attribute,
    untilMs
  }
  const result = await withDaemon(common, (client) => client.call('member.register', params))
  emit(
    common,
    result,
    () => `member       ${result.member}\ntransaction  ${result.id}\nstate        ${stateText(result)}`
  )
  await keepReceipt(common, options, result)
}

export async function revokeMember(common: Common, member: string, options: WaitOptions): Promise<void> {
  const params = { ...(await waitParams(options)), member }
  const result = await withDaemon(common, (client) => client.call('member.revoke', params))
  await tell(common, options, result)
}

export async function rotateSealKey(common: Common, options: WaitOptions): Promise<void> {
  const params = await waitParams(options)
  const result = await withDaemon(common, (client) => client.call('member.rotate', params))
  const inForce = result.fromMs === null ? 'not yet announced' : `from ${utc(result.fromMs)}`
  emit(
    common,
    result,
    () =>
      `sealing key  ${result.sealKey}\ntransaction  ${result.id}\nstate        ${stateText(result)}\nin force     ${inForce}`
  )
  await keepReceipt(common, options, result)
  if (common.json) return
  say(
    'Until then others seal to the present key. The daemon keeps the earlier keys and opens with each what was sealed to it.'
  )
}

export async function vetoKeys(common: Common, member: string | undefined, options: WaitOptions): Promise<void> {
  const params = { ...(await waitParams(options)), member }
  const result = await withDaemon(common, (client) => client.call('member.veto', params))
  await tell(common, options, result)
}

async function tell(
  common: Common,
  options: WaitOptions,
  result: Result<'member.revoke' | 'member.veto'>
): Promise<void> {
  emit(
    common,
    result,
    () =>
      `member       ${who({ member: result.member, name: null })}\ntransaction  ${result.id}\nstate        ${stateText(result)}`
  )
  await keepReceipt(common, options, result)
}
