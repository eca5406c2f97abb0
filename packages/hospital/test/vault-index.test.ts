/** What makes names in the vault, and that it is never made anew under what it named. */
import { randomBytes } from 'node:crypto'
import { createMemoryVaultDisk } from '@wardline/vault-files'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createVaultIndex } from '../src/vault-index.ts'
import { codeOf } from './hospitals.ts'

const test = suite('hospital/vault-index')

const random = { bytes: (size: number) => new Uint8Array(randomBytes(size)) }

test('the same reference has the same name after a restart, and another one for another use', async () => {
  const vault = createMemoryVaultDisk().open()
  const name = await createVaultIndex(vault, random)('patient', 'MRN 1')
  const again = createVaultIndex(vault, random)
  assert.is(await again('patient', 'MRN 1'), name)
  assert.is.not(await again('person', 'MRN 1'), name)
  assert.is.not(await again('patient', 'MRN 2'), name)
})

for (const kept of ['patients/', 'person-references/']) {
  test(`without its key and with ${kept} in the vault nothing is named: a new key would find nobody again`, async () => {
    const vault = createMemoryVaultDisk().open()
    const index = createVaultIndex(vault, random)
    const name = await index('patient', 'MRN 1')
    await vault.put(`${kept}${name}`, Uint8Array.of(1))
    const key = await vault.get('index-key')
    await vault.remove('index-key')
    const lost = createVaultIndex(vault, random)
    assert.is(await codeOf(lost('patient', 'MRN 1')), 'vault-damaged')
    assert.is(await codeOf(lost('person', 'Dr. Roe')), 'vault-damaged')
    assert.is((await vault.get('index-key')).kind, 'absent')
    assert.ok(key.kind === 'found')
    await vault.put('index-key', key.bytes)
    assert.is(await lost('patient', 'MRN 1'), name, 'a backup of the key is enough')
  })
}

test('staff without a reference needs no key, and keeps none from being made', async () => {
  const vault = createMemoryVaultDisk().open()
  await vault.put(`persons/${'ab'.repeat(32)}`, Uint8Array.of(1))
  assert.is(await codeOf(createVaultIndex(vault, random)('patient', 'MRN 1')), 'none')
})

test.run()
