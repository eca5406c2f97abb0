/** What a call answers before it has found its chain is what the document of the interface says of it. */
import { type CallContext, methods, openRpcDocument } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { apiOf } from '../../src/hospital.ts'
import { codeOf } from '../hospitals.ts'

const test = suite('hospital/api/documented-codes')

const documented = new Map(
  openRpcDocument().methods.map(({ name, errors }) => [name, errors.flatMap(({ data }) => data?.code ?? [])])
)

/** A chain of a mode that no method is for; nothing else is there. */
const chainOf = (label: string) => ({
  label,
  names: new Map(),
  publicNames: new Map(),
  chain: { id: label, genesis: { mode: 'none' } }
})

/** The code with which the method fails that takes part in these chains and is asked of this one; `none` for anything else. */
async function codeWith(labels: readonly string[], method: string, chain: string | undefined): Promise<string> {
  const memberships = labels.map(chainOf)
  const roster = { memberships: () => memberships, running: () => memberships.map((member) => ({ member })) }
  const api = apiOf(roster as never, { facts: {} } as never, () => []) as unknown as Record<
    string,
    (params: object, context: CallContext) => Promise<unknown>
  >
  return codeOf(api[method]?.({ chain }, { role: 'admin' }) as Promise<unknown>).catch(() => 'none')
}

for (const [name, { params }] of Object.entries(methods)) {
  const codes = documented.get(name) ?? []
  if (Object.hasOwn(params.shape, 'chain')) {
    test(`${name} says what it answers where its chain is not here, is one of several, or has another mode`, async () => {
      assert.is(await codeWith(['here'], name, 'elsewhere'), 'not-found')
      assert.ok(codes.includes('not-found') && codes.includes('ambiguous'))
      const isOfMode = (await codeWith(['here'], name, 'here')) === 'wrong-mode'
      assert.is(codes.includes('wrong-mode'), isOfMode)
      // Without a chain named it is of all of them.
      if (name === 'peers.list') return
      assert.is(await codeWith(['one', 'other'], name, undefined), isOfMode ? 'not-found' : 'ambiguous')
    })
  }
}

test('every method may refuse its parameters, and be called on a socket that may not or while the daemon cannot', () => {
  for (const [name, { roles }] of Object.entries(methods)) {
    const codes = documented.get(name) ?? []
    assert.ok(codes.includes('invalid-params') && codes.includes('unavailable'), name)
    if (roles.length < 3) assert.ok(codes.includes('not-permitted'), name)
    assert.is(new Set(codes).size, codes.length, name)
  }
})

test.run()
