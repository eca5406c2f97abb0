/** The promises of `Clock`. Written for real time too: delays are short and only lower bounds are strict. */
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../clock.ts'

export type ClockSubject = { readonly clock: Clock; cleanup(): Promise<void> }

/** The suite `name` against clocks made by `make`; a virtual clock must run by itself until `cleanup`. */
export function clockCompliance(name: string, make: () => Promise<ClockSubject>): Test {
  const test = suite(name)

  const check = (title: string, run: (clock: Clock) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make()
      try {
        await run(subject.clock)
      } finally {
        await subject.cleanup()
      }
    })
  }

  check('now is a whole number of milliseconds after 2020', async (clock) => {
    assert.ok(Number.isSafeInteger(clock.nowMs()))
    assert.ok(clock.nowMs() > Date.UTC(2020))
  })

  check('a timer never runs within the call, nor early, and time has passed when it runs', async (clock) => {
    for (const delayMs of [0, 1, 20]) {
      const startMs = clock.nowMs()
      const startElapsedMs = clock.elapsedMs()
      let ran = 0
      const done = new Promise<void>((resolve) => {
        clock.after(delayMs, () => {
          ran += 1
          resolve()
        })
      })
      assert.is(ran, 0)
      await done
      assert.is(ran, 1)
      assert.ok(clock.nowMs() - startMs >= delayMs, `a timer of ${delayMs} ms ran after ${clock.nowMs() - startMs} ms`)
      const elapsedMs = clock.elapsedMs() - startElapsedMs
      assert.ok(elapsedMs >= delayMs, `a timer of ${delayMs} ms ran after ${elapsedMs} ms`)
    }
  })

  check('timers run in the order of their times', async (clock) => {
    const order: number[] = []
    await new Promise<void>((resolve) => {
      clock.after(80, () => {
        order.push(80)
        resolve()
      })
      clock.after(5, () => order.push(5))
      clock.after(40, () => order.push(40))
    })
    assert.equal(order, [5, 40, 80])
  })

  check('a cancelled timer does not run, and cancelling again or late does nothing', async (clock) => {
    let ran = 0
    const cancelled = clock.after(5, () => {
      ran += 1
    })
    const immediate = clock.after(0, () => {
      ran += 1
    })
    cancelled.cancel()
    cancelled.cancel()
    immediate.cancel()
    const late = await new Promise<{ cancel(): void }>((resolve) => {
      const timer = clock.after(30, () => resolve(timer))
    })
    late.cancel()
    assert.is(ran, 0)
  })

  check('a timer of months does not run now', async (clock) => {
    let ran = false
    const timer = clock.after(120 * 24 * 60 * 60 * 1000, () => {
      ran = true
    })
    await new Promise<void>((resolve) => {
      clock.after(20, resolve)
    })
    timer.cancel()
    assert.not(ran)
  })

  return test
}
