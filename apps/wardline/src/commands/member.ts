/** Members of a chain. */
import type { ParamsInput } from '@wardline/api'
import { usage } from '../exit.ts'
import { readText } from '../files.ts'
import { type Common, emit, short, table, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
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
    ['member', 'name', 'role', 'attributes', 'status', 'votes', 'until'],
    members.map((member) => [
      short(member.member),
      member.name,
      member.role,
      member.attributes.join(' '),
      member.status,
      member.validator ? 'yes' : 'no',
      member.untilMs === null ? '-' : utc(member.untilMs)
    ])
  )
  emit(common, { members }, () => text)
}

export type RegisterOptions = WaitOptions & {
  readonly role: string
  readonly staff?: boolean
  readonly attribute: readonly string[]
  readonly until?: string
}

export async function registerMember(common: Common, card: string, options: RegisterOptions): Promise<void> {
  const untilMs = options.until === undefined ? undefined : Date.parse(options.until)
  if (Number.isNaN(untilMs)) throw usage('--until must be a time such as 2027-12-31T00:00:00Z.')
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
  emit(
    common,
    result,
    () =>
      `member       ${who({ member: result.member, name: null })}\ntransaction  ${result.id}\nstate        ${stateText(result)}`
  )
  await keepReceipt(common, options, result)
}
