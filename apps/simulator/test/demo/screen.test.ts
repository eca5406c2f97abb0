import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createScreen, showsUnicode } from '../../src/demo/screen.ts'

const test = suite('simulator/demo/screen')

function screenOn(options: { readonly isTTY?: boolean; readonly columns?: number; readonly lang?: string }) {
  let text = ''
  let nowMs = 0
  const stream = {
    ...options,
    write(part: string) {
      text += part
    }
  }
  const screen = createScreen({ stream, environment: { LANG: options.lang ?? 'C.UTF-8' }, now: () => nowMs })
  return {
    screen,
    text: () => text,
    pass(ms: number) {
      nowMs += ms
    }
  }
}

const locales: readonly (readonly [environment: Record<string, string>, unicode: boolean])[] = [
  [{ LANG: 'en_GB.UTF-8' }, true],
  [{ LC_ALL: 'C', LANG: 'en_GB.UTF-8' }, false],
  [{ LC_CTYPE: 'C.utf8', LANG: 'C' }, true],
  [{ LC_ALL: '', LANG: 'C.UTF-8' }, true],
  [{ LANG: 'C.UTF-8', TERM: 'linux' }, false],
  [{}, false]
]

for (const [environment, unicode] of locales) {
  test(`unicode with ${JSON.stringify(environment)}`, () => assert.is(showsUnicode(environment), unicode))
}

test('without a terminal every line is whole, and progress is told now and then', () => {
  const { screen, text, pass } = screenOn({})
  screen.begin('Replaying')
  for (let i = 0; i < 70; i++) {
    screen.update(`${i} of 70`)
    pass(100)
  }
  screen.end('done', 'all 70')
  const lines = text().split('\n')
  assert.is(lines.pop(), '')
  assert.is(lines.length, 4)
  assert.match(lines[0] as string, /Replaying .* 0 of 70/)
  assert.match(lines[3] as string, /✓ Replaying .* all 70 .* 7\.0 s$/)
  assert.not(text().includes('\u001b') || text().includes('\r'))
})

test('on a terminal the stage is one line that is drawn again', () => {
  const { screen, text, pass } = screenOn({ isTTY: true, columns: 80 })
  screen.begin('Founding')
  pass(1000)
  screen.update('cards')
  screen.update('not drawn: too soon')
  screen.end('failed', 'no')
  assert.is(text().split('\n').length, 2)
  assert.ok(text().includes('cards'))
  assert.not(text().includes('too soon'))
  assert.ok(text().split('\r\u001b[K').at(-1)?.includes('✗'))
})

test('no line is wider than the terminal', () => {
  const { screen, text } = screenOn({ isTTY: false })
  screen.begin('Proving')
  screen.end('done', 'x'.repeat(300))
  assert.ok((text().split('\n')[0] as string).length <= 100)
})

test('ASCII terminals get ASCII only', () => {
  const { screen, text } = screenOn({ lang: 'C' })
  screen.say('patients’ journeys · Hôpital → 病院')
  screen.begin('Starting')
  screen.update('Général …')
  screen.end('done', '4 · 4')
  assert.match(text(), /^[ -~\n]+$/)
  assert.ok(text().includes("patients' journeys - Hopital -> ??"))
})

test.run()
