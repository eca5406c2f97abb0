import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fit, printable, textWidth } from '../../src/draw/text-width.ts'

const test = suite('custody/draw/text-width')

test('columns of text: wide characters take two, combining marks none', () => {
  const rows = [
    ['', 0],
    ['abc', 3],
    ['Zürich', 6],
    ['Zu\u0308rich', 6],
    ['京都病院', 8],
    ['🏥', 2]
  ] as const
  for (const [text, width] of rows) assert.is(textWidth(text), width, text)
})

test('fitting gives exactly the width', () => {
  const rows = [
    ['abc', 5, 'abc  '],
    ['abcdef', 4, 'abc…'],
    ['ab cdef', 4, 'ab… '],
    ['京都病院', 5, '京都…'],
    ['京都病院', 4, '京… '],
    ['abc', 1, '…'],
    ['abc', 0, '']
  ] as const
  for (const [text, width, expected] of rows) assert.is(fit(text, width, '…'), expected, text)
})

test('printable text holds nothing that a terminal acts on; ASCII drops accents', () => {
  assert.is(printable('a\u001b[1mb\u2028c\u200ed', true), 'a?[1mb?c?d')
  assert.is(printable('Zürich 京', true), 'Zürich 京')
  assert.is(printable('Zürich 京', false), 'Zurich ?')
})

test.run()
