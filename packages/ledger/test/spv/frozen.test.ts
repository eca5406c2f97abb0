/** The bytes of everything that an SPV chain encodes, each as the SHA-256 of one fixed example; see `../frozen.test.ts`. */
import { concatBytes, encodeCbor, sha256, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Change, type Expression, encodeSignedRequest, requestIdOf } from '../../src/index.ts'
import { beta, secret } from '../world.ts'
import {
  access,
  aliasOf,
  anchorRecord,
  anna,
  byPatient,
  chain,
  createRegion,
  grantTo,
  openAlias,
  requestOf,
  staff,
  surgeon
} from './world.ts'

const test = suite('ledger/spv/frozen')

const nonceOf = (name: string) => secret(name).slice(0, 16)
const atom: Expression = { kind: 'attribute', attribute: 'surgeon', authority: beta.member }
const expression: Expression = { kind: 'or', of: [{ kind: 'and', of: [atom, { kind: 'not', of: atom }] }, atom] }
const opened = openAlias(anna, undefined, nonceOf('open'))
const anchored = anchorRecord(anna, { nonce: nonceOf('anchor') })
const record = anchored.body.recordId
const toMember = grantTo(anna, surgeon, { nonce: nonceOf('grant'), scope: { kind: 'records', records: [record] } })
const toRole = grantTo(
  anna,
  { role: 'doctor', hospital: beta.member },
  {
    nonce: nonceOf('role'),
    scope: { kind: 'anchored', from: 1, to: 2 }
  }
)
const toAttributes = grantTo(
  anna,
  { expression },
  { nonce: nonceOf('expression'), purposes: ['emergency', 'treatment'] }
)
const revoked = byPatient(anna, 'spv.revoke', { grant: toRole.id }, { nonce: nonceOf('revoke') })
const request = requestOf(surgeon, anna, [record], { nonce: nonceOf('request') })
const region = createRegion()
region.commit([opened, anchored, staff(surgeon, beta)])
region.commit([toMember, toRole, toAttributes, revoked])
const look = access(request, { decidedAt: region.block(), basis: toMember.id }, { nonce: nonceOf('access') })
region.commit([look])

function rowsUnder(prefix: string): Uint8Array {
  const chosen = region.state.changes().filter(({ key }) => key.startsWith(prefix))
  assert.ok(chosen.length > 0, `nothing under ${prefix}`)
  const text = (value: string) => new TextEncoder().encode(value)
  return concatBytes(...chosen.flatMap(({ key, value }: Change) => [text(key), value ?? new Uint8Array(0)]))
}

const rows: readonly (readonly [name: string, expected: string, actual: Uint8Array])[] = [
  ['alias.open', 'abb90971842124fe31ccf04d77648fa4f981b4038fa644d144e6eaa3bb762743', opened.bytes],
  ['spv.anchor', 'b776484ae3251fe42fbfbc537d3dbf550c8df5b8ad58b2db828124193115ae65', anchored.bytes],
  ['spv.grant to a member', 'f28188f90be817c6781c792ed2c32fb2bb2ad5943c91ff497a0b8a2f1025ce9c', toMember.bytes],
  ['spv.grant to a role', '7de489adb5ff13b2b7d7214bbb002ac040aed0f750cba2f3bc20c5969236e184', toRole.bytes],
  ['spv.grant to attributes', '945fe7c79f7bcc8931527347d4e594df3f71c38273811deb2795f7fabbba8eac', toAttributes.bytes],
  ['spv.revoke', '6ffda993702198af056e9bda3e29916e423ac8e00375b0a383f6267bbb2e8502', revoked.bytes],
  ['spv.access', 'd076a50439c8389523cc84583b70a1ccdee38d403426780cfd27e4b434862579', look.bytes],
  [
    'a signed request',
    '0366825653a4bfba7150889fa42ffe63b75fd440458650a185d407ca4a689baf',
    encodeCbor(encodeSignedRequest(request))
  ],
  [
    "a request's id",
    '6ba2abd17d8d3b8c27d2785edd9c9385c317c590107368ce92d05c44b32bd0c0',
    new TextEncoder().encode(requestIdOf(request.request))
  ],
  ['spv/alias/', '948e20705f57e178d2a58b7e87d3b85d711bfe80b572c454b0a537c798d14eb7', rowsUnder('spv/alias/')],
  ['spv/record/', '217f11db32ea8a27e9416305e83993edb5f1350ca1a710f9bc67b9635bf46a5e', rowsUnder('spv/record/')],
  ['spv/grant/', '0f09da1585a6bf992c795c871d83979633b9e4ae6c1214ce60f9dd76e1d2bda7', rowsUnder('spv/grant/')],
  ['spv/grants/', '9b6bf7201e7000dbb689fca2854af3efffb52fc4ad8a8e201ba7f451ebeb7453', rowsUnder('spv/grants/')],
  ['spv/request/', '11768ac69b12d45da825d7dc718ea58e3ed5bd3f8cef48c7055edb17cd563df4', rowsUnder('spv/request/')],
  ['chain/block/', 'edd176ae2f2676071364b472db029c9fa4e00222347d9d98de40ae7dd8533498', rowsUnder('chain/block/')],
  ['entry/', 'c0bc433e29bce10b038660cf42b2e76a6e021fb256192350e7873e1ab6c3cb09', rowsUnder(`entry/${aliasOf(anna)}`)],
  ['a chain id', '8b2e9545a7f8cd70c81bbf1e1b2d03ed1e90e2e794d2132c73bbfde63e24822b', new TextEncoder().encode(chain)]
]

for (const [name, expected, actual] of rows) {
  test(name, () => assert.is(toHex(sha256(actual)), expected))
}

test.run()
