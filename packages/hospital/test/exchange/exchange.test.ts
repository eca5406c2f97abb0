/** Records leave their hospital only as the chain permits, whoever crashes, lies or is away. */
import { randomBytes } from 'node:crypto'
import type { Alias, RecordId, RequestId, TransactionId } from '@wardline/codec'
import type { Signer } from '@wardline/crypto'
import { type AccessRequest, requestIdOf, type SignedRequest, signRequest } from '@wardline/ledger'
import type { Network } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Answered,
  encodeAsk,
  encodeFetch,
  FRAME_BYTES_MAX,
  FRAMES_MAX,
  parseAnswered,
  parseAsked,
  RECORD_PROTOCOL
} from '../../src/exchange/wire.ts'
import {
  type Between,
  codeOf,
  connected,
  type Daemon,
  found,
  level,
  type Place,
  start,
  startAll,
  stopAll,
  until
} from '../hospitals.ts'

const test = suite('hospital/exchange/exchange')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], { mode: 'SPV' })
let alpha: Daemon
let beta: Daemon
let gamma: Daemon
let delta: Daemon
/** By how much everybody's clock is ahead. */
let aheadMs = 0
const nowMs = () => Date.now() + aheadMs

/** With the clock of everybody, unless `between` has another. */
const startAgain = (place: Place, between: Between = {}) =>
  start(founded, place, { clockMs: () => aheadMs, ...between })

test.before(async () => {
  ;[alpha, beta, gamma, delta] = (await startAll(founded, { clockMs: () => aheadMs })) as [
    Daemon,
    Daemon,
    Daemon,
    Daemon
  ]
})

test.after(async () => {
  await stopAll([alpha, beta, gamma, delta])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

async function restartAlpha(between?: Between): Promise<void> {
  await alpha.crash()
  alpha = await startAgain(alpha.place, between)
  await connected([alpha, beta, gamma, delta])
}

async function restartBeta(between?: Between): Promise<void> {
  await beta.crash()
  beta = await startAgain(beta.place, between)
  await connected([alpha, beta, gamma, delta])
}

let patients = 0

type Kept = {
  readonly patient: string
  readonly alias: Alias
  readonly record: RecordId
  readonly bytes: Buffer
  readonly salt: string
  readonly descriptorBytes: string
}

/** A new patient of Alpha with one record of this size. */
async function anchored(sizeBytes = 10_000, owner = alpha): Promise<Kept> {
  patients += 1
  const patient = `patient ${patients}`
  const { alias } = await owner.call('alias.open', { patient })
  const bytes = randomBytes(sizeBytes)
  const descriptor = { mediaType: 'application/fhir+json', labels: ['cardiology'] }
  const { record, salt, descriptorBytes } = await owner.call('record.anchor', {
    patient,
    content: bytes.toString('base64'),
    descriptor
  })
  return { patient, alias, record, bytes, salt, descriptorBytes }
}

async function granted({ patient }: Kept, to: Daemon = beta): Promise<TransactionId> {
  const { grant } = await alpha.call('grant.create', {
    patient,
    grantee: { member: to.place.member },
    scope: { kind: 'all' },
    purposes: ['treatment']
  })
  return grant
}

function request({ alias, record }: Kept, by: Daemon = beta, timeoutMs = 60_000) {
  return by.call('record.request', { owner: 'Alpha', alias, records: [record], timeoutMs })
}

type Entry = Awaited<ReturnType<typeof auditOf>>[number]

async function auditOf({ alias }: Kept, at: Daemon = alpha) {
  return (await at.call('audit.patient', { alias })).entries
}

/** The accesses of a patient, oldest first, once there are this many. */
async function accesses(kept: Kept, count: number, at: Daemon = alpha): Promise<readonly Entry[]> {
  let found: Entry[] = []
  await until(`${count} accesses are final`, async () => {
    found = (await auditOf(kept, at)).filter(({ kind }) => kind === 'spv.access').reverse()
    return found.length >= count
  })
  assert.is(found.length, count)
  return found
}

// What a peer can say by itself, outside of record.request.

async function signed(
  kept: Kept,
  changes: Partial<AccessRequest> & { by?: Daemon; signer?: Signer } = {}
): Promise<SignedRequest> {
  const { by = beta, signer = by.place.sign, ...rest } = changes
  const { height } = await alpha.call('chain.block', {})
  const accessor = { member: by.place.member, keyIndex: 0, key: signer.publicKey }
  return signRequest(
    {
      ...{
        chain: founded.chain,
        owner: alpha.place.member,
        alias: kept.alias,
        records: [kept.record],
        purpose: 'treatment'
      },
      ...{ nonce: randomBytes(16), minHeight: height, notAfter: nowMs() + 60_000, accessor },
      ...rest
    },
    signer
  )
}

async function say(frame: Uint8Array, by: Daemon = beta, to: Daemon = alpha): Promise<Answered[]> {
  const options = { timeoutMs: 60_000, frameBytesMax: FRAME_BYTES_MAX, framesMax: FRAMES_MAX }
  const answers: Answered[] = []
  for await (const bytes of by.network.request(to.network.self, RECORD_PROTOCOL, frame, options)) {
    answers.push(parseAnswered(bytes) as Answered)
  }
  return answers
}

/** What the owner answers: a code, or the kinds of its frames. */
async function said(frame: Uint8Array, by?: Daemon, to?: Daemon): Promise<string> {
  const answers = await say(frame, by, to)
  return answers.map((answer) => (answer.kind === 'refused' ? answer.code : answer.kind)).join()
}

const askOf = async (kept: Kept, changes?: Parameters<typeof signed>[1], by?: Daemon) =>
  said(encodeAsk(await signed(kept, changes)), by)
const fetchOf = ({ record }: Kept, id: RequestId, by?: Daemon, offset = 0) =>
  said(encodeFetch({ request: id, record, offset }), by)

/** Asks and waits until the entry is final at Alpha. */
async function settled(kept: Kept, count = 1): Promise<SignedRequest> {
  const asked = await signed(kept)
  assert.is(await said(encodeAsk(asked)), 'entry')
  await accesses(kept, count)
  return asked
}

test('with a grant: the record comes, is what was anchored, and everybody reads who asked', async () => {
  const kept = await anchored()
  const grant = await granted(kept)
  const answer = await request(kept)
  const [record] = answer.records
  assert.is(answer.decision, 'permit')
  assert.is(answer.grant, grant)
  assert.is(record?.content, kept.bytes.toString('base64'))
  assert.equal(record?.descriptor, { mediaType: 'application/fhir+json', labels: ['cardiology'] })
  assert.ok(answer.contentBytes > 10_000 && answer.contentBytes < 12_000, String(answer.contentBytes))
  const [entry] = await accesses(kept, 1, delta)
  assert.equal(
    [
      entry?.status,
      entry?.decision,
      entry?.code,
      entry?.accessor?.name,
      entry?.purpose,
      entry?.records,
      entry?.grant,
      entry?.grantStatus
    ],
    ['covered', 'permit', null, 'Beta', 'treatment', [kept.record], grant, 'active']
  )
  assert.is(entry?.transaction, answer.entry)
  assert.equal(
    (await auditOf(kept)).map(({ kind }) => kind),
    ['spv.access', 'spv.grant', 'spv.anchor', 'alias.open']
  )
})

test('anybody holds a record against the chain', async () => {
  const kept = await anchored()
  const { record, salt, descriptorBytes } = kept
  const verify = (bytes: Buffer) =>
    gamma.call('record.verify', { record, salt, descriptorBytes, content: bytes.toString('base64') })
  await until('Gamma has it', async () => (await codeOf(verify(kept.bytes))) === 'none')
  const verdict = await verify(kept.bytes)
  assert.ok(verdict.ok)
  assert.is(verdict.owner.name, 'Alpha')
  kept.bytes[9_999] = (kept.bytes[9_999] as number) ^ 1
  assert.not.ok((await verify(kept.bytes)).ok)
})

test('the owner opens its own record with what proves it, nobody else does, and no entry is made of it', async () => {
  const kept = await anchored()
  const { record, bytes, salt, descriptorBytes } = kept
  const before = (await auditOf(kept)).length
  const opened = await alpha.call('record.open', { record })
  assert.equal([opened.content, opened.salt, opened.descriptorBytes], [bytes.toString('base64'), salt, descriptorBytes])
  assert.equal([opened.alias, opened.from.name, opened.version, opened.access], [kept.alias, 'Alpha', null, null])
  assert.ok((await alpha.call('record.verify', { record, salt, descriptorBytes, content: opened.content })).ok)
  assert.equal(
    (await auditOf(kept)).map(({ transaction }) => transaction)[0],
    opened.transmission,
    'the anchor is the newest entry'
  )
  assert.is((await auditOf(kept)).length, before)
  await until('Gamma has it', async () => (await auditOf(kept, gamma)).length === before)
  assert.is(await codeOf(gamma.call('record.open', { record })), 'not-found')
  assert.is(await codeOf(alpha.call('record.open', { record }, { role: 'read' })), 'not-permitted')
  assert.is(await codeOf(alpha.call('record.open', { record: '00'.repeat(32) as RecordId })), 'not-found')
  assert.is(await codeOf(alpha.call('record.open', { via: opened.transmission })), 'invalid-params')
  alpha.place.vault.damage(`records/${record}`)
  assert.is(await codeOf(alpha.call('record.open', { record })), 'vault-damaged')
  await alpha.place.vault.open().remove(`records/${record}`)
  assert.is(await codeOf(alpha.call('record.open', { record })), 'record-not-here')
})

test('without one: the denial is on the chain, and not a byte of content comes', async () => {
  const kept = await anchored()
  let chunks = 0
  await restartBeta({
    network: (network) =>
      counting(network, () => {
        chunks += 1
      })
  })
  const answer = await request(kept)
  assert.equal(
    [answer.decision, answer.code, answer.records, answer.contentBytes, answer.grant],
    ['deny', 'no-grant', [], 0, null]
  )
  const [entry] = await accesses(kept, 1)
  assert.equal(
    [entry?.status, entry?.code, entry?.accessor?.name, entry?.transaction],
    ['denied', 'no-grant', 'Beta', answer.entry]
  )
  assert.is(chunks, 0)
  await granted(kept)
  await request(kept)
  assert.is(chunks, 1, 'the counter counts')
  await restartBeta()
})

/** Counts frames with content where they come in. */
function counting(network: Network, count: () => void): Network {
  return {
    ...network,
    async *request(peer, protocol, frame, options) {
      for await (const bytes of network.request(peer, protocol, frame, options)) {
        if (protocol === RECORD_PROTOCOL && parseAnswered(bytes)?.kind === 'chunk') count()
        yield bytes
      }
    }
  }
}

test('a record of 1 MiB', async () => {
  const kept = await anchored(1024 * 1024)
  await granted(kept)
  const { records } = await request(kept)
  assert.ok(Buffer.from(records[0]?.content as string, 'base64').equals(kept.bytes))
})

test('a doctor of Beta asks with the own key, where doctors of Beta may', async () => {
  const kept = await anchored()
  const { member } = await beta.call('person.create', { name: 'Dr Lund', role: 'doctor' })
  const { patient, alias, record } = kept
  await alpha.call('grant.create', {
    patient,
    grantee: { role: 'doctor', hospital: 'Beta' },
    scope: { kind: 'all' },
    purposes: ['treatment']
  })
  const asked = { owner: 'Alpha', alias, records: [record] }
  assert.is((await beta.call('record.request', { ...asked, accessor: 'Dr Lund' })).decision, 'permit')
  assert.is((await beta.call('record.request', asked)).code, 'no-grant')
  const [first] = await accesses(kept, 2)
  assert.is(first?.accessor?.member, member)
  assert.is(await codeOf(gamma.call('record.request', { ...asked, accessor: member })), 'not-found')
})

test('another purpose, and several records of which one is out of scope: denied, with the reason', async () => {
  const kept = await anchored()
  await granted(kept)
  const { alias, record, patient } = kept
  const asked = { owner: 'Alpha', alias, records: [record] }
  assert.is((await beta.call('record.request', { ...asked, purpose: 'research' })).code, 'wrong-purpose')
  const other = await anchored()
  assert.is((await beta.call('record.request', { ...asked, records: [record, other.record] })).code, 'not-in-scope')
  const second = await alpha.call('record.anchor', { patient, content: Buffer.from('second').toString('base64') })
  const both = await beta.call('record.request', { ...asked, records: [record, second.record] })
  assert.is(both.records.length, 2)
})

test('a grant of the future and one that has ended permit nothing', async () => {
  const kept = await anchored()
  const { patient } = kept
  const terms = { patient, grantee: { member: 'Beta' }, scope: { kind: 'all' }, purposes: ['treatment'] } as const
  await alpha.call('grant.create', { ...terms, fromMs: nowMs() + 3_600_000, toMs: nowMs() + 7_200_000 })
  assert.is((await request(kept)).code, 'grant-not-yet')
  const other = await anchored()
  const toMs = nowMs() + 600_000
  await alpha.call('grant.create', { ...terms, patient: other.patient, toMs })
  aheadMs += 600_000
  // A block whose time is past the end.
  await anchored()
  assert.ok((await alpha.call('chain.block', {})).timeMs >= toMs)
  assert.is((await request(other)).code, 'grant-expired')
  const [entry] = await accesses(other, 1)
  assert.equal([entry?.status, entry?.code], ['denied', 'grant-expired'])
})

test('an altered request, one for another hospital, and one under an alias of another: refused, and nothing is on the chain', async () => {
  const kept = await anchored()
  await granted(kept)
  const asked = await signed(kept)
  const altered = { ...asked, request: { ...asked.request, purpose: 'research' as const } }
  assert.is(await said(encodeAsk(altered)), 'bad-signature')
  assert.is(await askOf(kept, { owner: gamma.place.member }), 'not-the-owner')
  const theirs = await anchored(100, gamma)
  await level([alpha, beta, gamma])
  assert.is(await askOf(theirs), 'not-alias-hospital')
  assert.is(await codeOf(request(theirs)), 'not-alias-hospital')
  assert.is(await askOf({ ...kept, alias: alpha.place.sign.publicKey as string as Alias }), 'unknown-alias')
  assert.is(await askOf(kept, { signer: gamma.place.sign }), 'accessor-key-mismatch')
  assert.is(await askOf(kept, { by: gamma }, beta), 'wrong-peer')
  assert.is(await askOf(kept, { notAfter: nowMs() - 1 }), 'request-over')
  assert.is(await askOf(kept, { notAfter: nowMs() + 3_600_000 }), 'request-too-long')
  assert.is(await askOf(kept, { minHeight: 1_000_000, notAfter: nowMs() + 2_000 }), 'behind')
  assert.is((await auditOf(kept)).filter(({ kind }) => kind === 'spv.access').length, 0)
  assert.equal(await auditOf(theirs).then((entries) => entries.map(({ kind }) => kind)), ['spv.anchor', 'alias.open'])
})

test('what is no request closes the stream', async () => {
  for (const frame of [new Uint8Array(0), Uint8Array.of(0xff), randomBytes(200)]) {
    assert.is(await codeOf(say(frame, gamma)), 'stream-closed')
    assert.is(parseAsked(frame), undefined)
  }
})

test('a request is answered once: again it is used up, and its records go to nobody but who asked', async () => {
  const kept = await anchored()
  await granted(kept)
  await granted(kept, gamma)
  const asked = await settled(kept)
  const id = requestIdOf(asked.request)
  assert.is(await said(encodeAsk(asked)), 'request-used')
  assert.is(await said(encodeAsk(asked), gamma), 'request-used')
  assert.is(await fetchOf(kept, id, gamma), 'wrong-peer')
  assert.is(await fetchOf(kept, id), 'chunk')
  assert.is(await fetchOf(kept, id), 'chunk', 'who asked may fetch again while it is permitted')
  assert.is(await said(encodeFetch({ request: id, record: (await anchored()).record, offset: 0 })), 'not-requested')
  await accesses(kept, 1)
})

test('the same request from two streams at once has one entry', async () => {
  const kept = await anchored()
  await granted(kept)
  const frame = encodeAsk(await signed(kept))
  assert.equal(await Promise.all([said(frame), said(frame), said(frame)]), ['entry', 'entry', 'entry'])
  await accesses(kept, 1)
})

test('a denied request has nothing to fetch', async () => {
  const kept = await anchored()
  const id = requestIdOf((await settled(kept)).request)
  assert.is(await fetchOf(kept, id), 'no-grant')
  await granted(kept)
  assert.is(await fetchOf(kept, id), 'no-grant', 'a later grant is for later requests')
})

test('a grant that is taken back after the decision: the entry stands, and not a byte comes', async () => {
  const kept = await anchored()
  const grant = await granted(kept)
  const id = requestIdOf((await settled(kept)).request)
  await alpha.call('grant.revoke', { grant })
  assert.is(await fetchOf(kept, id), 'grant-revoked')
  const [entry] = await accesses(kept, 1)
  assert.equal([entry?.status, entry?.grant, entry?.grantStatus], ['covered', grant, 'revoked'])
})

/** Wraps what a daemon answers on the exchange. */
function answering(wrap: (frames: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>): Between {
  return {
    network: (network) => ({
      ...network,
      serve: (protocol, handler, bounds) =>
        network.serve(
          protocol,
          protocol === RECORD_PROTOCOL ? (frame, from) => wrap(handler(frame, from)) : handler,
          bounds
        )
    })
  }
}

const kindOf = (frame: Uint8Array) => parseAnswered(frame)?.kind

/** Keeps access entries from all others while `holds()`, whether this daemon gossips them, proposes them or is asked for them. */
function withholdingEntries(network: Network, holds: () => boolean, onHeld: () => void): Network {
  const isHeld = (data: Uint8Array): boolean => {
    const held = holds() && Buffer.from(data).includes('spv.access')
    if (held) onHeld()
    return held
  }
  return {
    ...network,
    gossip: {
      ...network.gossip,
      publish: async (topic, data) => (isHeld(data) ? undefined : network.gossip.publish(topic, data))
    },
    serve(protocol, handler, bounds) {
      const withholding: typeof handler = async function* (frame, from) {
        for await (const answer of handler(frame, from)) {
          if (protocol !== RECORD_PROTOCOL && isHeld(answer)) throw new Error('kept back')
          yield answer
        }
      }
      network.serve(protocol, withholding, bounds)
    }
  }
}

test('revoked between the decision and its block, at the owner that decided: the entry is covered, and not a byte comes', async () => {
  let afterEntry = async (): Promise<unknown> => undefined
  let holding = false
  let held = 0
  const hold = (network: Network): Network =>
    withholdingEntries(
      network,
      () => holding,
      () => {
        held += 1
      }
    )
  const { network: answer = (network: Network) => network } = answering(async function* (frames) {
    for await (const frame of frames) {
      // The owner has decided, and its entry is on its disk; the requester and the chain get it only after the revocation.
      if (kindOf(frame) === 'entry') await afterEntry()
      yield frame
    }
  })
  await restartAlpha({ network: (network) => answer(hold(network)) })
  const kept = await anchored()
  const grant = await granted(kept)
  holding = true
  afterEntry = async () => {
    await until('the entry would be on its way', () => held > 0)
    await alpha.call('grant.revoke', { grant })
    assert.equal((await auditOf(kept)).map(({ kind }) => kind).slice(0, 2), ['spv.revoke', 'spv.grant'])
    holding = false
  }
  try {
    await request(kept)
    assert.unreachable('a revoked requester was served')
  } catch (error) {
    const { code, data } = error as { code: string; data: { contentBytes: number; entry: TransactionId } }
    assert.equal([code, data.contentBytes], ['grant-revoked', 0])
    const [entry] = await accesses(kept, 1)
    assert.equal([entry?.status, entry?.transaction], ['covered', data.entry])
    assert.equal(
      (await auditOf(kept)).map(({ kind }) => kind),
      ['spv.access', 'spv.revoke', 'spv.grant', 'spv.anchor', 'alias.open'],
      'newest first'
    )
  }
  await restartAlpha()
})

test('revoked after the first part: the second one does not come', async () => {
  let afterChunk = async (): Promise<unknown> => undefined
  let chunks = 0
  await restartAlpha(
    answering(async function* (frames) {
      for await (const frame of frames) {
        yield frame
        if (kindOf(frame) !== 'chunk') continue
        chunks += 1
        await afterChunk()
      }
    })
  )
  const kept = await anchored(1024 * 1024)
  const grant = await granted(kept)
  afterChunk = () => alpha.call('grant.revoke', { grant })
  assert.is(await codeOf(request(kept)), 'grant-revoked')
  assert.is(chunks, 1)
  await restartAlpha()
})

test('a record that was edited in the vault: a code, an entry, and not a byte', async () => {
  const kept = await anchored()
  await granted(kept)
  alpha.place.vault.damage(`records/${kept.record}`)
  try {
    await request(kept)
    assert.unreachable('a damaged record was served')
  } catch (error) {
    const { code, data } = error as { code: string; data: { contentBytes: number } }
    assert.equal([code, data.contentBytes], ['vault-damaged', 0])
  }
  await accesses(kept, 1)
  const gone = await anchored()
  await granted(gone)
  const other = await anchored()
  // A whole record of the vault, under the name of another.
  await alpha.place.vault.open().put(`records/${gone.record}`, await contentOf(`records/${other.record}`))
  assert.is(await codeOf(request(gone)), 'vault-damaged')
  await alpha.place.vault.open().remove(`records/${gone.record}`)
  assert.is(await codeOf(request(gone)), 'record-not-here')
})

async function contentOf(name: string): Promise<Uint8Array> {
  const found = await alpha.place.vault.open().get(name)
  if (found.kind !== 'found') throw new Error(`${name} is ${found.kind}`)
  return found.bytes
}

test('a stream that breaks after the first part goes on at the byte where it broke', async () => {
  let breaks = 2
  const offsets: number[] = []
  await restartBeta({
    network: (network) => ({
      ...network,
      async *request(peer, protocol, frame, options) {
        const asked = protocol === RECORD_PROTOCOL ? parseAsked(frame) : undefined
        if (asked?.kind === 'fetch') offsets.push(asked.offset)
        for await (const bytes of network.request(peer, protocol, frame, options)) {
          yield bytes
          if (asked?.kind !== 'fetch' || breaks === 0) continue
          breaks -= 1
          throw new Error('the connection ended')
        }
      }
    })
  })
  const kept = await anchored(1024 * 1024)
  await granted(kept)
  const { records } = await request(kept)
  assert.ok(Buffer.from(records[0]?.content as string, 'base64').equals(kept.bytes))
  assert.equal(offsets, [0, 256 * 1024, 512 * 1024])
  await accesses(kept, 1)
  await restartBeta()
})

test('who sends something else than it anchored is found out', async () => {
  let forge = false
  await restartBeta({
    network: (network) => ({
      ...network,
      async *request(peer, protocol, frame, options) {
        for await (const bytes of network.request(peer, protocol, frame, options)) {
          const altered = Uint8Array.from(bytes)
          if (forge && kindOf(bytes) === 'chunk') altered[altered.length - 1000] = (altered.at(-1000) as number) ^ 1
          yield altered
        }
      }
    })
  })
  const kept = await anchored()
  await granted(kept)
  forge = true
  assert.is(await codeOf(request(kept)), 'verification-failed')
  forge = false
  assert.is((await request(kept)).decision, 'permit')
  await restartBeta()
})

const never = new Promise<never>(() => undefined)

for (const kind of ['entry', 'chunk'] as const) {
  test(`the owner crashes after its first ${kind}: the entry becomes final, and the record comes once it is back`, async () => {
    let crashed: Promise<void> | undefined
    await restartAlpha(
      answering(async function* (frames) {
        for await (const frame of frames) {
          yield frame
          if (kindOf(frame) === kind) crashed ??= alpha.crash()
        }
      })
    )
    const kept = await anchored(600_000)
    await granted(kept)
    const answer = request(kept)
    await until('the owner has crashed', () => crashed !== undefined)
    await crashed
    alpha = await startAgain(alpha.place)
    const { records } = await answer
    assert.ok(Buffer.from(records[0]?.content as string, 'base64').equals(kept.bytes))
    const [entry] = await accesses(kept, 1)
    assert.is(entry?.status, 'covered')
    await connected([alpha, beta, gamma, delta])
  })

  test(`the requester crashes after the first ${kind} has come: the entry becomes final, and it asks again`, async () => {
    let crashed: Promise<void> | undefined
    await restartBeta({
      network: (network) => ({
        ...network,
        async *request(peer, protocol, frame, options) {
          for await (const bytes of network.request(peer, protocol, frame, options)) {
            if (protocol === RECORD_PROTOCOL && kindOf(bytes) === kind) {
              crashed ??= beta.crash()
              await never
            }
            yield bytes
          }
        }
      })
    })
    const kept = await anchored(600_000)
    await granted(kept)
    const lost = request(kept, beta, 5_000).catch(() => undefined)
    await until('the requester has crashed', () => crashed !== undefined)
    await crashed
    const [entry] = await accesses(kept, 1)
    assert.is(entry?.status, 'covered')
    beta = await startAgain(beta.place)
    await connected([alpha, beta, gamma, delta])
    const { records } = await request(kept)
    assert.ok(Buffer.from(records[0]?.content as string, 'base64').equals(kept.bytes))
    await accesses(kept, 2)
    await lost
  })
}

test('an entry that its owner alone knew, and that no block had when it crashed, becomes final afterwards', async () => {
  const kept = await anchored()
  // Nobody but Alpha: nothing becomes final.
  await Promise.all([gamma.crash(), delta.crash()])
  const asked = await signed(kept)
  assert.is(await said(encodeAsk(asked)), 'entry')
  await Promise.all([alpha.crash(), beta.crash()])
  ;[alpha, beta, gamma, delta] = (await Promise.all(
    [alpha, beta, gamma, delta].map(({ place }) => startAgain(place))
  )) as [Daemon, Daemon, Daemon, Daemon]
  await connected([alpha, beta, gamma, delta])
  const [entry] = await accesses(kept, 1)
  assert.equal([entry?.status, entry?.request], ['denied', requestIdOf(asked.request)])
})

test('an owner that has had no block for two heartbeats decides nothing', async () => {
  const kept = await anchored()
  let furtherMs = 0
  await restartAlpha({ clockMs: () => aheadMs + furtherMs })
  furtherMs = 21 * 60 * 1000
  assert.is(await askOf(kept, { notAfter: nowMs() + furtherMs + 60_000 }), 'stale')
  furtherMs = 0
  await restartAlpha()
})

test('the owner away: peers are told so in time, and nothing is on the chain', async () => {
  const kept = await anchored()
  await alpha.crash()
  assert.is(await codeOf(request(kept, beta, 700)), 'timeout')
  alpha = await startAgain(alpha.place)
  await connected([alpha, beta, gamma, delta])
  assert.is((await auditOf(kept)).filter(({ kind }) => kind === 'spv.access').length, 0)
})

test('an anchor that is refused leaves nothing in the vault', async () => {
  const theirs = await anchored(100, gamma)
  await level([alpha, gamma])
  const before = await alpha.place.vault.open().names('records/')
  const anchor = alpha.call('record.anchor', { alias: theirs.alias, content: 'AAAA' })
  assert.is(await codeOf(anchor), 'not-alias-hospital')
  assert.equal(await alpha.place.vault.open().names('records/'), before)
})

test('nobody asks itself', async () => {
  const { alias, record } = await anchored()
  assert.is(await codeOf(alpha.call('record.request', { owner: 'Alpha', alias, records: [record] })), 'invalid-params')
})

test.run()
