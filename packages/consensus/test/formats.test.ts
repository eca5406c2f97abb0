/** A changed hash here is a changed format on disk or on the wire: an explicit decision, never a repair of this test. */
import { sha256, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  approvalBytes,
  encodeHeader,
  encodeJournalRecord,
  encodeMessage,
  HEADER_BYTES,
  headerDigest,
  leaderOf,
  NO_DIGEST,
  setHash,
  voteBytes
} from '../src/index.ts'
import { chain } from './chain-fixture.ts'
import { entries, header, messages, set } from './wire-samples.ts'

const test = suite('consensus/formats')

const frozen: Record<string, string> = {
  header: 'd13f2e15871c0d1f9e41b45b87ae842f08f5b81ee8223bcc636a994bbfd361c1',
  'header digest': 'fedbd4e0df1c8b375d0bb98fe876ceae4b4f6fafb6a23c759165df40835e4033',
  'set hash': '16666d4a4b82a464bb2735350a48582e0d878bb91ab38adbc4b37d313a1d24db',
  'signed approval bytes': 'b644ee6080b5f1a5248be560a75417219e7d462d5691293a08479e841bc29d46',
  'signed vote bytes': '4988dd86fc8ea7f2968d0a1725cd91d86d59dbcf752bacda07423621fbe96b50',
  'message notarize': '7ae1c3dc118bff1db2dbb71574803b44f0f73b2484065004130de04de5a2dc3c',
  'message nullify': 'e36f7b8fa1596419d7f359031dfe900ce6d070e6cb77bcd13c49172f1a1e6ee8',
  'message finalize': 'e68215bdde230b25bb7e7b4fcb7b5a31149e4e2483cb5c0c8c9f5cc8bb692c2b',
  'message certificate': '6986e570491ad9750ea72b108d95ead16562f6341989b605d0f71b6aeab87363',
  'message first proposal': '5a4c19cefe2a189722437d298a110d615440bbfd318ff17e5f4446cc87b8f328',
  'message proposal': '841b7ed6c295933d68f4a541aebf96b35a69ca202180926038b7b96f55b200cb',
  'message status ask': 'ce6c674072fa57155354ca472d491e01014b5e9cd18b2babee99550b9f692ecc',
  'message first status': 'd3eedd549b84134b923f6cc66c8527628fe565c0837a1f1c18b9a957fe6aa9e3',
  'message status': '5f5b1c225f578cb3e4173004cc7b44af0a7da179cefb280d7de39c7172482668',
  'message proposal again': '4e740b2ca52cc030b7bd135a0de1435a81d7f9c4d4fe7eda97f4394313952c0e',
  'record entered at start': '276d4ac18e2d778e7b87769015f8f3ec57fbb9375d833b528ecda74f8e3620c6',
  'record entered': 'b20a944512cc5221cd584a42d078f4388c4db5c72ee25223b20b0711ee1ae572',
  'record kept': '41cf405dba35225252c9be31185db791c85e261a4fa639fa09309e32729e909e',
  'record proposed': 'eefb4ca9cf680a7bc357e3d76befa1a6e4e5802996721a3d6de127f1b959c0ff',
  'record proposed again': '8eef122d576ef5e506f606dd0f65194078d00b3fbbe6ba6c047b1c75f03f7442',
  'record voted notarize': 'fe6cd69d8bb9c8245bca4cc8d8491722d9170e647787c1c015a630072e7e0786',
  'record voted nullify': '189b1bf4a65f7d7ab445f992ec9d2b345cae52e38b71ab9dc08d67c80e73c39f',
  'record pruned': '1cbf493ebe766acf4224df43eb7d6ebcb48a1edd6471c9a0cde47255970d8f3c'
}

function current(): Record<string, string> {
  const hashes: Record<string, string> = {
    header: toHex(sha256(encodeHeader(header))),
    'header digest': headerDigest(header),
    'set hash': setHash(set.validators),
    'signed approval bytes': toHex(sha256(approvalBytes(chain, set.epoch, headerDigest(header)))),
    'signed vote bytes': toHex(sha256(voteBytes('finalize', chain, set.epoch, header.view, headerDigest(header))))
  }
  for (const [name, message] of Object.entries(messages))
    hashes[`message ${name}`] = toHex(sha256(encodeMessage(message)))
  for (const [name, entry] of Object.entries(entries)) {
    hashes[`record ${name}`] = toHex(sha256(encodeJournalRecord(3, [entry])))
  }
  return hashes
}

test('every encoded type is what it was', () => {
  assert.equal(current(), frozen)
})

test('sizes that the specification fixes', () => {
  const bytes = voteBytes('nullify', chain, set.epoch, header.view, NO_DIGEST)
  assert.is(bytes.length, 85)
  assert.is(Buffer.from(bytes.subarray(0, 4)).toString('latin1'), 'WLC1')
  assert.is(bytes[4], 2)
  assert.is(encodeHeader(header).length, HEADER_BYTES)
})

test('leaders rotate by view and epoch', () => {
  assert.is(leaderOf(set, header.view).member, set.validators[header.view % 4]?.member)
})

test.run()
