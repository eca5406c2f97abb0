/** Staff whose keys this hospital keeps. */
import type { Api, Params } from '@wardline/api'
import { registrationStatement } from '@wardline/ledger'
import { build } from '../author.ts'
import { submitKept } from '../kept.ts'
import type { Membership, Memberships } from '../membership.ts'
import type { Person } from '../persons.ts'
import { chainNamed } from './lookup.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<Api, 'person.create'>

export function personMethods(memberships: Memberships): Methods {
  return {
    async 'person.create'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const { chain, persons } = member
      const who = { name: params.name, reference: params.reference ?? null }
      const { person, submission, forget } = await persons.registering(who, async (person, { keep, forget }) => {
        const write = () => ({ kind: 'ok', bytes: registration(member, person, params) }) as const
        const submission = await submitKept(chain, { bytes: person.registration, write, keep })
        // Nobody was told of these keys; with a reference they may be asked for again.
        if (submission.kind === 'refused' && !(submission.code === 'busy' && who.reference !== null)) await forget()
        return { person, submission, forget }
      })
      const answer = await answerSubmission(member, submission, params, signal, { member: person.member })
      const isOver = answer.state === 'expired' || answer.state === 'refused'
      if (isOver && who.reference === null) await forget()
      return { ...answer, member: person.member, name: person.name }
    }
  }
}

function registration(
  member: Membership,
  { signer, opener }: Person,
  { role, attributes, untilMs }: Params<'person.create'>
): Uint8Array {
  const { chain } = member
  const keys = { sign: signer.publicKey, seal: opener.publicKey, host: null }
  return build(member, 'member.register', {
    ...keys,
    role,
    hospital: chain.self,
    attributes: [...new Set(attributes)].sort(),
    grants: null,
    until: untilMs ?? null,
    proof: signer.sign('wardline/key-proof/1', registrationStatement(chain.id, chain.self, keys)),
    hostProof: null
  })
}
