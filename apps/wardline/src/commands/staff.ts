/** Staff whose keys the hospital keeps: one at a time, or the Practitioners of a FHIR export. */
import type { ParamsInput } from '@wardline/api'
import type { SocketClient } from '@wardline/client'
import { limits } from '@wardline/codec'
import { CommandFailure, EXIT } from '../exit.ts'
import { readBytes } from '../files.ts'
import { type Common, emit, say, short, table } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeOf, timeoutMsOf } from '../times.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

type Role = ParamsInput<'person.create'>['role']

export type PersonOptions = WaitOptions & {
  readonly role: Role
  readonly attribute: readonly string[]
  readonly reference?: string
  readonly until?: string
}

export async function createPerson(common: Common, name: string, options: PersonOptions): Promise<void> {
  const untilMs = timeOf('--until', options.until)
  const { role, attribute: attributes, reference } = options
  const params = { ...(await waitParams(options)), name, role, attributes, reference, untilMs }
  const result = await withDaemon(common, (client) => client.call('person.create', params))
  emit(
    common,
    result,
    () => `member       ${result.member}\ntransaction  ${result.id}\nstate        ${stateText(result)}`
  )
  await keepReceipt(common, options, result)
}

export type ImportOptions = {
  readonly chain?: string
  readonly role: Role
  readonly attribute: readonly string[]
  readonly timeout?: number
  readonly actor?: string
}

type Imported = { readonly id: string; readonly member: string; readonly name: string; readonly state: string }

const AT_ONCE = 16
/** As long as the daemon takes one. */
const NAME_LENGTH_MAX = 256

/** Registers each active Practitioner under its FHIR id. The same file again registers nobody twice. */
export async function importPersons(common: Common, file: string, options: ImportOptions): Promise<void> {
  const found = await practitionersIn(file)
  const active = found.filter(({ active }) => active)
  const imported: Imported[] = []
  await withDaemon(common, async (client) => {
    const waiting = [...active]
    let failed = false
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined && !failed; next = waiting.shift()) {
        try {
          imported.push(await register(client, next, options))
        } catch (error) {
          failed = true
          throw error
        }
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
    const failure = ends.find((end) => end.status === 'rejected')
    if (failure !== undefined) {
      if (!common.json) say(`${imported.length} of ${active.length} are registered; the same call again goes on.`)
      throw failure.reason
    }
  })
  imported.sort((a, b) => (a.id < b.id ? -1 : 1))
  const text = await table(
    ['practitioner', 'member', 'name', 'state'],
    imported.map(({ id, member, name, state }) => [id, short(member), name, state])
  )
  const inactive = found.length - active.length
  emit(common, { members: imported, inactive }, () => text)
  if (inactive > 0 && !common.json) say(`${inactive} are no longer active and were left out.`)
}

async function register(
  client: SocketClient,
  { id, name }: { readonly id: string; readonly name: string },
  { chain, role, attribute, timeout, actor }: ImportOptions
): Promise<Imported> {
  const params = {
    chain,
    name: name.toWellFormed().slice(0, NAME_LENGTH_MAX).toWellFormed(),
    role,
    attributes: attribute,
    reference: id,
    actor,
    timeoutMs: timeoutMsOf(timeout)
  }
  const answer = await client.call('person.create', params)
  // Refused or expired is the end of this one, though the call itself succeeded.
  if (answer.state === 'refused' || answer.state === 'expired') {
    throw new CommandFailure(
      EXIT.error,
      answer.code ?? answer.state,
      `A Practitioner was not registered: ${stateText(answer)}.`
    )
  }
  return { id, member: answer.member, name: answer.name, state: answer.state }
}

async function practitionersIn(file: string) {
  const { parseFhir, practitionersOf } = await import('@wardline/records')
  const bytes = await readBytes(file, limits.fhirBytesMax)
  if (bytes === undefined) {
    throw new CommandFailure(EXIT.error, 'too-large', `${file} is larger than ${limits.fhirBytesMax} bytes.`)
  }
  const parsed = parseFhir(bytes)
  if (parsed.kind === 'reject') {
    throw new CommandFailure(EXIT.error, parsed.code, `${file} is not FHIR JSON (${parsed.code} at byte ${parsed.at}).`)
  }
  return practitionersOf(parsed.scopes)
}
