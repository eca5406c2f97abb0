import { WardlineError } from '@wardline/codec'
import type { Clock } from '@wardline/ports'
import { vaultCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryVaultDisk } from '../src/index.ts'

vaultCompliance('vault-files/memory-vault compliance', async () => {
  const disk = createMemoryVaultDisk()
  return {
    open: async () => disk.open(),
    damage: async (name) => disk.damage(name),
    swapIn: async (from, to) => disk.swapIn(from, to),
    cleanup: async () => {}
  }
}).run()

const test = suite('vault-files/memory-vault')

/** A clock whose timers run only when told to. */
function handClock(): { clock: Clock; tick(): Promise<void> } {
  let due: (() => void)[] = []
  return {
    clock: {
      nowMs: () => 0,
      elapsedMs: () => 0,
      after(_, run) {
        due.push(run)
        return { cancel: () => {} }
      }
    },
    async tick() {
      const now = due
      due = []
      for (const run of now) run()
      await turn()
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

test('a full disk fails with a code, and what was there stays', async () => {
  const disk = createMemoryVaultDisk()
  const vault = disk.open()
  await vault.put('a', Uint8Array.of(1))
  disk.fill(true)
  try {
    await vault.put('a', Uint8Array.of(2))
    assert.unreachable('it was written')
  } catch (error) {
    assert.ok(error instanceof WardlineError && error.code === 'vault-failed')
  }
  assert.equal(await vault.get('a'), { kind: 'found', bytes: Uint8Array.of(1) })
  disk.fill(false)
  await vault.put('a', Uint8Array.of(2))
  assert.equal(await vault.get('a'), { kind: 'found', bytes: Uint8Array.of(2) })
})

test('a crash keeps what was put, and of the changes under way as many as are drawn', async () => {
  for (const [kept, expected] of [
    [0, ['a', 'b']],
    [1, ['a', 'b', 'c']],
    [2, ['b', 'c']]
  ] as const) {
    const { clock, tick } = handClock()
    const disk = createMemoryVaultDisk({ clock, latencyMs: () => 1 })
    const vault = disk.open()
    const first = [vault.put('a', Uint8Array.of(1)), vault.put('b', Uint8Array.of(2))]
    await turn()
    await tick()
    await Promise.all(first)
    let settled = 0
    const count = (): void => {
      settled += 1
    }
    void vault.put('c', Uint8Array.of(3)).then(count, count)
    void vault.remove('a').then(count, count)
    void vault.put('c', Uint8Array.of(4)).then(count, count)
    await turn()
    disk.crash({
      below(bound) {
        assert.is(bound, 3)
        return kept
      }
    })
    await tick()
    void vault.put('d', Uint8Array.of(5)).then(count, count)
    void vault.get('b').then(count, count)
    void vault.close().then(count, count)
    await tick()
    assert.is(settled, 0)
    const again = disk.open()
    assert.equal(await again.names(''), expected)
    if (kept > 0) assert.equal(await again.get('c'), { kind: 'found', bytes: Uint8Array.of(3) })
  }
})

test.run()
