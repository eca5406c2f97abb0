/** The promises of `Vault`. */
import { limits, WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Vault } from '../vault.ts'

/** One place where a vault is: `open` opens it again, as a daemon that starts anew does. */
export type VaultSubject = {
  open(): Promise<Vault>
  /** Alters what lies under `name`. */
  damage(name: string): Promise<void>
  /** Puts a copy of what lies under `from` under `to`, in place of what was there. */
  swapIn(from: string, to: string): Promise<void>
  cleanup(): Promise<void>
}

/** The suite `name` against places made by `make`, empty at first. */
export function vaultCompliance(name: string, make: () => Promise<VaultSubject>): Test {
  const test = suite(name)

  const check = (title: string, run: (vault: Vault, subject: VaultSubject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make()
      try {
        await run(await subject.open(), subject)
      } finally {
        await subject.cleanup()
      }
    })
  }

  check('what was never put is absent', async (vault) => {
    assert.equal(await vault.get('records/a'), { kind: 'absent' })
    assert.is(await vault.has('records/a'), false)
    assert.equal(await vault.names(''), [])
    await vault.remove('records/a')
  })

  check('what was put is there, also after opening again', async (vault, subject) => {
    for (const size of [0, 1, 100_000]) await vault.put(`records/${size}`, new Uint8Array(size).fill(size % 251))
    for (const opened of [vault, await subject.open()]) {
      for (const size of [0, 1, 100_000]) {
        assert.equal(await opened.get(`records/${size}`), {
          kind: 'found',
          bytes: new Uint8Array(size).fill(size % 251)
        })
      }
    }
  })

  check('the last put counts', async (vault) => {
    await vault.put('a', Uint8Array.of(1, 2, 3))
    await vault.put('a', Uint8Array.of(4))
    assert.equal(await vault.get('a'), { kind: 'found', bytes: Uint8Array.of(4) })
  })

  check('names are listed by prefix in order, and removed ones are gone', async (vault) => {
    for (const one of ['b/2', 'a/1', 'b/1', 'b-1', 'c']) await vault.put(one, Uint8Array.of(1))
    assert.equal(await vault.names('b/'), ['b/1', 'b/2'])
    assert.equal(await vault.names(''), ['a/1', 'b-1', 'b/1', 'b/2', 'c'])
    await vault.remove('b/1')
    assert.equal(await vault.names('b/'), ['b/2'])
    assert.equal(await vault.get('b/1'), { kind: 'absent' })
  })

  check('what was altered is damaged, never given out, and can be put anew', async (vault, subject) => {
    await vault.put('records/a', new Uint8Array(64).fill(9))
    await subject.damage('records/a')
    assert.equal(await vault.get('records/a'), { kind: 'damaged' })
    assert.is(await vault.has('records/a'), true)
    await vault.put('records/a', Uint8Array.of(5))
    assert.equal(await vault.get('records/a'), { kind: 'found', bytes: Uint8Array.of(5) })
  })

  check('what lies under another name than it was put under is damaged', async (vault, subject) => {
    await vault.put('records/a', Uint8Array.of(1))
    await vault.put('records/b', Uint8Array.of(2))
    await subject.swapIn('records/a', 'records/b')
    await subject.swapIn('records/a', 'moved')
    assert.equal(await vault.get('records/b'), { kind: 'damaged' })
    assert.equal(await vault.get('moved'), { kind: 'damaged' })
    assert.equal(await vault.get('records/a'), { kind: 'found', bytes: Uint8Array.of(1) })
    assert.equal(await vault.names(''), ['moved', 'records/a', 'records/b'])
    await vault.remove('moved')
    assert.equal(await vault.get('moved'), { kind: 'absent' })
  })

  check('a name may be the beginning of another', async (vault) => {
    for (const [index, one] of ['a', 'a/b', 'a/b/c', 'a-b'].entries()) await vault.put(one, Uint8Array.of(index))
    await vault.remove('a')
    assert.equal(await vault.names('a/'), ['a/b', 'a/b/c'])
    assert.equal(await vault.names('a'), ['a-b', 'a/b', 'a/b/c'])
    assert.equal(await vault.get('a/b/c'), { kind: 'found', bytes: Uint8Array.of(2) })
    const longest = `${'x'.repeat(99)}/${'y'.repeat(100)}`
    await vault.put(longest, Uint8Array.of(9))
    assert.equal(await vault.names('x'), [longest])
  })

  check('the caller may change what it gave and what it got', async (vault) => {
    const bytes = Uint8Array.of(1, 2, 3)
    const put = vault.put('a', bytes)
    bytes.fill(0)
    await put
    const entry = await vault.get('a')
    if (entry.kind !== 'found') return assert.unreachable(entry.kind)
    assert.equal(entry.bytes, Uint8Array.of(1, 2, 3))
    entry.bytes.fill(0)
    assert.equal(await vault.get('a'), { kind: 'found', bytes: Uint8Array.of(1, 2, 3) })
  })

  check('calls for one name take effect in their order', async (vault) => {
    const puts = [1, 2, 3, 4].map((fill) => vault.put('a', new Uint8Array(1000).fill(fill)))
    const between = vault.get('a')
    const removed = vault.remove('a')
    const after = vault.has('a')
    const last = vault.put('a', Uint8Array.of(5))
    await Promise.all([...puts, removed, last])
    assert.equal(await between, { kind: 'found', bytes: new Uint8Array(1000).fill(4) })
    assert.is(await after, false)
    assert.equal(await vault.get('a'), { kind: 'found', bytes: Uint8Array.of(5) })
  })

  check('closing waits for the calls under way; later calls fail', async (vault, subject) => {
    const put = vault.put('a', Uint8Array.of(7))
    await vault.close()
    await put
    await vault.close()
    const calls = [vault.put('a', Uint8Array.of(1)), vault.get('a'), vault.has('a'), vault.names(''), vault.remove('a')]
    assert.equal(await Promise.all(calls.map(failure)), Array(5).fill('vault-closed'))
    const again = await subject.open()
    assert.equal(await again.get('a'), { kind: 'found', bytes: Uint8Array.of(7) })
  })

  check('a name that is none, and bytes above the limit, are our bug', async (vault) => {
    for (const one of ['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', 'A', 'a b', 'a.b', 'é', 'x'.repeat(201)]) {
      assert.is(await failure(vault.put(one, Uint8Array.of(1))), 'AssertionError', one)
      assert.is(await failure(vault.get(one)), 'AssertionError', one)
      assert.is(await failure(vault.has(one)), 'AssertionError', one)
      assert.is(await failure(vault.remove(one)), 'AssertionError', one)
    }
    assert.is(await failure(vault.put('a', new Uint8Array(limits.vaultBytesMax + 1))), 'AssertionError')
    assert.equal(await vault.names(''), [])
  })

  return test
}

/** The code of the WardlineError that `work` fails with, `AssertionError` for our bug, or `none`. */
async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    if (error instanceof Error && error.name === 'AssertionError') return error.name
    throw error
  }
  return 'none'
}
