import { type Epoch, type Leaf, limits, type MemberId, type View } from '@wardline/codec'
import { createVoteSigner, publicSignKey, verifySignature } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Certificate,
  headerDigest,
  type Message,
  NO_DIGEST,
  type Proposal,
  validatorSet,
  verifyCertificate,
  verifyCertificateSync,
  voteBytes
} from '../../src/index.ts'
import {
  certificateOf,
  chain,
  fakeSet,
  fakeVerify,
  genesisParent,
  hashOf,
  headerOf,
  parentOf,
  proposalOf,
  voteOf
} from '../chain-fixture.ts'
import {
  checked,
  createLone,
  feed,
  hear,
  hearCertificate,
  hearProposal,
  hearVote,
  screenHere,
  viewOf
} from './lone-engine.ts'

const test = suite('consensus/engine/screen')
const set = fakeSet(4)
const leaves = [hashOf<Leaf>('a')]
const first = headerOf(set, 1, genesisParent, leaves, genesisParent.time + 900)
const firstProposal = proposalOf(set, first, leaves, null)
const second = headerOf(set, 2, parentOf(first), [], first.time + 10)
const notarization = certificateOf(set, 'notarize', 1, headerDigest(first), [0, 1, 2])
const asMessage = (proposal: Proposal): Message => ({ kind: 'proposal', proposal })
const voteMessage = (...args: Parameters<typeof voteOf>): Message => ({ kind: 'vote', vote: voteOf(...args) })

const hearCertificateFrom = (lone: ReturnType<typeof createLone>, certificate: Certificate, from: string) =>
  hear(lone, { kind: 'certificate', certificate, attempt: 0 }, from)

/** `reject code`, `ignore code`, or `verify` with the number of signatures asked for. */
function verdict(message: Message, prepare: (lone: ReturnType<typeof createLone>) => void = () => {}): string {
  const lone = createLone(set, 3)
  prepare(lone)
  const screening = screenHere(lone, message)
  return screening.kind === 'verify' ? `verify ${screening.checks.length}` : `${screening.kind} ${screening.code}`
}

test('votes', () => {
  const vote = voteOf(set, 0, 'nullify', 1)
  assert.is(verdict({ kind: 'vote', vote }), 'verify 1')
  assert.is(verdict({ kind: 'vote', vote: { ...vote, signer: hashOf<MemberId>('stranger') } }), 'reject unknown-signer')
  assert.is(verdict({ kind: 'vote', vote: { ...vote, epoch: 1 as Epoch } }), 'ignore later-epoch')
  assert.is(verdict(voteMessage(set, 3, 'nullify', 1)), 'ignore own-vote')
  assert.is(
    verdict({ kind: 'vote', vote }, (lone) => hearVote(lone, vote)),
    'ignore seen'
  )
  const other = voteMessage(set, 0, 'notarize', 1, hashOf('b'))
  const hearOther = (lone: ReturnType<typeof createLone>) => hearVote(lone, voteOf(set, 0, 'notarize', 1, hashOf('a')))
  assert.is(verdict(other, hearOther), 'verify 1', 'evidence')
  const unlike = voteMessage(set, 0, 'notarize', 1, hashOf('c'))
  const accuse = (lone: ReturnType<typeof createLone>) => {
    hearOther(lone)
    hear(lone, other)
  }
  assert.is(verdict(unlike, accuse), 'ignore slot-taken')
  const final = (lone: ReturnType<typeof createLone>) => {
    hearProposal(lone, firstProposal)
    hearCertificate(lone, certificateOf(set, 'finalize', 1, headerDigest(first)))
  }
  assert.is(verdict(voteMessage(set, 0, 'finalize', 1, headerDigest(first)), final), 'ignore old-view')
})

test('a known vote with a new attempt is carried on once per retry, without a signature check', () => {
  const lone = createLone(set, 3)
  const vote = voteOf(set, 0, 'nullify', 1)
  hearVote(lone, vote)
  const again = (attempt: number) => screenHere(lone, { kind: 'vote', vote: { ...vote, attempt } })
  assert.is(again(1).kind, 'ignore', 'too soon')
  lone.nowMs += 1000
  assert.equal(again(1), { kind: 'verify', checks: [], forward: true })
  assert.is(again(2).kind, 'ignore', 'before the first one was fed as after it')
  feed(lone, { kind: 'message', from: 'peer', message: { kind: 'vote', vote: { ...vote, attempt: 1 } } })
  assert.is(again(3).kind, 'ignore')
  const forged = { ...vote, attempt: 9, signature: new Uint8Array(64) }
  lone.nowMs += 1000
  assert.equal(screenHere(lone, { kind: 'vote', vote: forged }), { kind: 'ignore', code: 'slot-taken' })
})

test('a replay with the highest attempt stops no later re-publication, and its repetition is not carried on', () => {
  const lone = createLone(set, 3)
  const vote = voteOf(set, 0, 'nullify', 1)
  hearVote(lone, vote)
  const again = (attempt: number) => {
    lone.nowMs += 1000
    return screenHere(lone, { kind: 'vote', vote: { ...vote, attempt } })
  }
  const carried = { kind: 'verify', checks: [], forward: true }
  assert.equal(again(2 ** 32 - 1), carried)
  assert.equal(again(2 ** 32 - 1), { kind: 'ignore', code: 'seen' })
  assert.equal(again(Math.floor(lone.nowMs / 1000)), carried)
  lone.nowMs -= 3_600_000
  assert.equal(again(7), carried, 'a clock that was set back stops none either')
  assert.is(screenHere(lone, { kind: 'vote', vote: { ...vote, attempt: 8 } }).kind, 'ignore')
})

test('votes beyond the next view: one view per signer is verified and kept, none is carried on', () => {
  const lone = createLone(set, 3)
  const far = (view: number) => screenHere(lone, voteMessage(set, 0, 'nullify', view))
  const screening = far(9)
  assert.equal([screening.kind, screening.kind === 'verify' && screening.forward], ['verify', false])
  hear(lone, voteMessage(set, 0, 'nullify', 9))
  assert.is(far(8).kind, 'ignore')
  assert.is(far(9).kind, 'ignore')
  assert.is(far(10).kind, 'verify')
  hearCertificate(lone, certificateOf(set, 'nullify', 8, NO_DIGEST, [0, 1, 2]))
  hearVote(lone, voteOf(set, 1, 'nullify', 9))
  assert.is(viewOf(lone), 10, 'the kept vote counted when its view came: f+1, so this node nullified too')
})

test('certificates', () => {
  const short: Certificate = certificateOf(set, 'nullify', 5, NO_DIGEST, [0, 1])
  assert.is(verdict({ kind: 'certificate', certificate: short, attempt: 0 }), 'reject no-quorum')
  const good = certificateOf(set, 'nullify', 5)
  assert.is(verdict({ kind: 'certificate', certificate: good, attempt: 0 }), 'verify 3')
  assert.is(
    verdict({ kind: 'certificate', certificate: good, attempt: 1 }, (lone) => hearCertificate(lone, good)),
    'ignore seen'
  )
  const known = (lone: ReturnType<typeof createLone>) => {
    hearVote(lone, voteOf(set, 0, 'nullify', 1))
  }
  const near: Message = {
    kind: 'certificate',
    certificate: certificateOf(set, 'nullify', 1, NO_DIGEST, [0, 1, 2]),
    attempt: 0
  }
  assert.is(verdict(near, known), 'verify 2', 'a counted vote is not verified again')
})

test('ten certificate checks per peer and second', () => {
  const lone = createLone(set, 3)
  const ask = (view: number, from: string) =>
    screenHere(lone, { kind: 'certificate', certificate: certificateOf(set, 'nullify', view), attempt: 0 }, from).kind
  for (let view = 5; view < 15; view++) assert.is(ask(view, 'a'), 'verify')
  assert.is(ask(15, 'a'), 'busy')
  assert.is(ask(15, 'b'), 'verify')
  lone.nowMs += 1000
  assert.is(ask(15, 'a'), 'verify')
})

test('the certificates inside a proposal count, so that many of them make the peer wait', () => {
  const lone = createLone(set, 3)
  const farBehind = 60
  const skips = Array.from({ length: farBehind }, (_, at) => certificateOf(set, 'nullify', at + 1))
  const far = proposalOf(set, headerOf(set, farBehind + 1, genesisParent), [], null, skips)
  const certificate = (view: number): Message => ({
    kind: 'certificate',
    certificate: certificateOf(set, 'nullify', view),
    attempt: 0
  })
  assert.is(screenHere(lone, asMessage(far), 'a').kind, 'verify', 'one that says so much is let through')
  assert.equal(screenHere(lone, asMessage(far), 'a'), { kind: 'busy', code: 'too-many-proposals' })
  lone.nowMs += 5000
  assert.equal(screenHere(lone, certificate(5), 'a'), { kind: 'busy', code: 'too-many-certificates' })
  assert.is(screenHere(lone, certificate(5), 'b').kind, 'verify')
  lone.nowMs += 1000
  assert.is(screenHere(lone, certificate(5), 'a').kind, 'verify', '60 certificates, 6 seconds')
})

test('no peer waits longer than ten seconds for what its largest proposal cost', () => {
  const lone = createLone(set, 3)
  const skips = Array.from({ length: 1000 }, (_, at) => certificateOf(set, 'nullify', at + 1))
  const far = asMessage(proposalOf(set, headerOf(set, 1001, genesisParent), [], null, skips))
  assert.is(screenHere(lone, far, 'a').kind, 'verify')
  lone.nowMs += 9900
  assert.is(screenHere(lone, far, 'a').kind, 'busy')
  lone.nowMs += 200
  assert.is(screenHere(lone, far, 'a').kind, 'verify')
})

test('a leader that signs one proposal after another for the next view soon waits, an honest one for each view does not', () => {
  const lone = createLone(set, 3)
  const onSecond = (time: number) =>
    asMessage(proposalOf(set, headerOf(set, 2, parentOf(first), [], time), [], notarization))
  const verdicts = Array.from({ length: 30 }, (_, at) => screenHere(lone, onSecond(first.time + 10 + at), 'a').kind)
  assert.is(verdicts.filter((kind) => kind === 'verify').length, 8 + 10, 'eight, and ten certificate checks')
  assert.equal(verdicts.slice(18), Array(12).fill('busy'))
  assert.is(screenHere(lone, asMessage(proposalOf(set, second, [], notarization)), 'b').kind, 'verify')
  for (let view = 1; view <= 100; view++) {
    const skips = view === 1 ? [] : [certificateOf(set, 'nullify', view - 1)]
    if (view > 1) hearCertificateFrom(lone, skips[0] as Certificate, `peer ${view}`)
    const all = Array.from({ length: view - 1 }, (_, at) => certificateOf(set, 'nullify', at + 1))
    const header = headerOf(set, view, genesisParent, [], lone.nowMs)
    if (header.proposer === set.validators[3]?.member) continue
    assert.is(screenHere(lone, asMessage(proposalOf(set, header, [], null, all)), 'c').kind, 'verify', `view ${view}`)
  }
})

test('a member that signs one far vote after another is checked a hundred times a second', () => {
  const lone = createLone(set, 3)
  const far = (view: number) => screenHere(lone, voteMessage(set, 0, 'nullify', view), 'a').kind
  for (let view = 9; view < 109; view++) assert.is(far(view), 'verify')
  assert.is(far(109), 'busy')
  lone.nowMs += 10
  assert.is(far(109), 'verify')
})

test('proposals: what a relay could have attached is rejected and leaves the slot open', () => {
  const onSecond = (change: Partial<Proposal>): Message =>
    asMessage({ ...proposalOf(set, second, [], notarization), ...change })
  const skip = certificateOf(set, 'nullify', 2)
  const rows: [string, Message, string][] = [
    ['first', asMessage(firstProposal), 'verify 1'],
    ['wrong leaves', asMessage({ ...firstProposal, leaves: [hashOf<Leaf>('b')] }), 'reject wrong-leaves'],
    ['no parent certificate', onSecond({ parentCertificate: null }), 'reject unjustified'],
    [
      'another parent',
      onSecond({ parentCertificate: certificateOf(set, 'notarize', 1, hashOf('b')) }),
      'reject unjustified'
    ],
    [
      'a nullification as parent',
      onSecond({ parentCertificate: certificateOf(set, 'nullify', 1) }),
      'reject unjustified'
    ],
    [
      'too few signers',
      onSecond({ parentCertificate: certificateOf(set, 'notarize', 1, second.parent, [0, 1]) }),
      'reject unjustified'
    ],
    [
      'a parent not below',
      onSecond({ parentCertificate: certificateOf(set, 'notarize', 2, second.parent) }),
      'reject unjustified'
    ],
    ['a skip too many', onSecond({ skips: [skip] }), 'reject unjustified'],
    ['justified', onSecond({}), 'verify 4'],
    [
      'finalization of the parent',
      onSecond({ parentCertificate: certificateOf(set, 'finalize', 1, second.parent) }),
      'verify 4'
    ]
  ]
  for (const [name, message, expected] of rows) {
    assert.is(verdict(message), expected, name)
  }
  const fourth = headerOf(set, 4, parentOf(first))
  const skips = [certificateOf(set, 'nullify', 2), certificateOf(set, 'nullify', 3)]
  assert.is(verdict(asMessage(proposalOf(set, fourth, [], notarization, skips))), 'verify 10')
  for (const wrong of [
    skips.slice(1),
    skips.slice(0, 1),
    [...skips].reverse(),
    [skips[0], skips[0]] as Certificate[]
  ]) {
    assert.is(verdict(asMessage(proposalOf(set, fourth, [], notarization, wrong))), 'reject unjustified')
  }
  const lone = createLone(set, 3)
  assert.is(screenHere(lone, asMessage({ ...firstProposal, leaves: [] })).kind, 'reject')
  assert.ok(
    hearProposal(lone, firstProposal).some((output) => output.kind === 'check'),
    'the slot stayed open'
  )
})

test('proposals: leader, chain, epoch, slot, age', () => {
  const changed = (change: object): Message => asMessage({ ...firstProposal, header: { ...first, ...change } })
  assert.is(verdict(changed({ chain: hashOf('other chain') })), 'reject other-chain')
  assert.is(verdict(changed({ epoch: 1 })), 'ignore later-epoch')
  assert.is(verdict(changed({ proposer: set.validators[2]?.member })), 'reject wrong-leader')
  const seen = (lone: ReturnType<typeof createLone>) => {
    hearProposal(lone, firstProposal)
  }
  assert.is(verdict(asMessage(firstProposal), seen), 'ignore seen')
  const other = changed({ time: first.time + 1 })
  assert.is(verdict(other, seen), 'verify 1', 'a second block would be evidence')
  const final = (lone: ReturnType<typeof createLone>) => {
    seen(lone)
    hearCertificate(lone, certificateOf(set, 'finalize', 1, headerDigest(first)))
  }
  assert.is(verdict(asMessage(firstProposal), final), 'ignore old-view')
})

test('content that a relay can not judge is ignored by gossip but fed', () => {
  const lone = createLone(set, 3)
  const old = headerOf(set, 1, genesisParent, leaves, genesisParent.time + 1)
  lone.nowMs = genesisParent.time + 100_000
  const screening = screenHere(lone, asMessage(proposalOf(set, old, leaves, null)))
  assert.is(screening.kind === 'verify' && screening.forward, false)
})

test('a proposal on votes that were all counted costs one signature check', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  checked(lone, headerDigest(first))
  hearVote(lone, voteOf(set, 0, 'notarize', 1, headerDigest(first)))
  hearVote(lone, voteOf(set, 2, 'notarize', 1, headerDigest(first)))
  const message = asMessage(proposalOf(set, second, [], notarization))
  const screening = screenHere(lone, message)
  assert.is(screening.kind === 'verify' && screening.checks.length, 1)
  hear(lone, message)
  assert.is(viewOf(lone), 2)
})

test('a vote learned from a certificate needs no check when it arrives, and is carried on', () => {
  const lone = createLone(set, 3)
  hearCertificate(lone, notarization)
  const late = voteMessage(set, 0, 'notarize', 1, headerDigest(first))
  assert.equal(screenHere(lone, late), { kind: 'verify', checks: [], forward: true })
})

test('skips beyond 1 MiB: the oldest are left out, and a voter that lacks them waits', () => {
  const skipSize = 50 + 1 + 3 * 64
  const count = Math.floor(limits.proposalSkipsBytesMax / skipSize)
  const target = count + 9
  const view = target + ((4 - (target % 4)) % 4)
  const all = Array.from({ length: view - 1 }, (_, at) => certificateOf(set, 'nullify', at + 1))
  const header = headerOf(set, view, genesisParent, leaves, genesisParent.time + 900)
  const proposal = proposalOf(set, header, leaves, null, all.slice(-count))
  assert.is(verdict(asMessage(proposal)), 'ignore skips-missing')
  const holds = (lone: ReturnType<typeof createLone>) => {
    for (const certificate of all.slice(0, view - count)) {
      feed(lone, { kind: 'message', from: 'peer', message: { kind: 'certificate', certificate, attempt: 0 } })
    }
  }
  assert.ok(verdict(asMessage(proposal), holds).startsWith('verify'))
  const fewer = proposalOf(set, header, leaves, null, all.slice(-count + 3))
  assert.is(verdict(asMessage(fewer), holds), 'reject unjustified', 'it left out more than it had to')
})

test('certificates hold exactly with a quorum of valid signatures, each of them', async () => {
  const verify = async (...args: Parameters<typeof fakeVerify>) => fakeVerify(...args)
  const both = async (certificate: Certificate) => {
    const sync = verifyCertificateSync(set, chain, certificate, fakeVerify)
    assert.is(await verifyCertificate(set, chain, certificate, verify), sync)
    return sync
  }
  assert.ok(await both(notarization))
  const all = certificateOf(set, 'notarize', 1, headerDigest(first), [0, 1, 2, 3])
  assert.ok(await both(all))
  assert.not.ok(
    await both({ ...all, signatures: [...all.signatures.slice(0, 3), new Uint8Array(64)] }),
    'one of four is bad'
  )
  assert.not.ok(await both(certificateOf(set, 'notarize', 1, headerDigest(first), [0, 1])))
  assert.not.ok(await both({ ...notarization, signers: [0, 2, 1] }))
  assert.not.ok(await both({ ...notarization, signers: [0, 1, 1] }))
  assert.not.ok(await both({ ...notarization, signers: [0, 1, 4] }))
  assert.not.ok(await both({ ...notarization, view: 2 as View }))
  assert.not.ok(await both({ ...notarization, kind: 'finalize' }))
  assert.not.ok(await both({ ...notarization, epoch: 1 as Epoch }))
})

test('a certificate of real Ed25519 votes', () => {
  const secrets = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
  const real = validatorSet(
    0 as Epoch,
    secrets.map((secret, i) => ({ member: hashOf<MemberId>(`real ${i}`), key: publicSignKey(secret) }))
  )
  const message = voteBytes('nullify', chain, real.epoch, 3 as View, NO_DIGEST)
  const signatures = real.validators.slice(0, 2).map(({ key }) => {
    const secret = secrets.find((one) => publicSignKey(one) === key) as Uint8Array
    return createVoteSigner(secret).sign(message)
  })
  const certificate: Certificate = {
    kind: 'nullify',
    epoch: real.epoch,
    view: 3 as View,
    digest: NO_DIGEST,
    signers: [0, 1],
    signatures
  }
  assert.ok(verifyCertificateSync(real, chain, certificate, verifySignature))
  assert.not.ok(verifyCertificateSync(real, hashOf('other chain'), certificate, verifySignature))
})

test.run()
