/** The promises of `DiskSpace`. */
import { WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DiskSpace } from '../disk-space.ts'

export type DiskSpaceSubject = {
  readonly readable: () => DiskSpace
  /** Of a place that is not there. */
  readonly unreadable: () => DiskSpace
}

/** The suite `name` against what `subject` makes. */
export function diskSpaceCompliance(name: string, { readable, unreadable }: DiskSpaceSubject): Test {
  const test = suite(name)

  test('tells whole bytes, and no more free ones than there are', async () => {
    const { freeBytes, totalBytes } = await readable().read()
    assert.ok(Number.isSafeInteger(freeBytes) && Number.isSafeInteger(totalBytes), `${freeBytes} of ${totalBytes}`)
    assert.ok(freeBytes >= 0 && freeBytes <= totalBytes && totalBytes > 0)
  })

  test('says so where it cannot be read', async () => {
    try {
      await unreadable().read()
      assert.unreachable()
    } catch (error) {
      assert.ok(error instanceof WardlineError)
      assert.is(error.code, 'disk-unreadable')
    }
  })

  return test
}
