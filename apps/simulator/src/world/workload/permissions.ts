/**
 * What clients do on an SPV chain: patients open aliases, hospitals keep and anchor records under them, patients grant and
 * revoke, hospitals ask each other for records, and owners enter decisions on requests, rightly or not.
 */
import { ApiError } from '@wardline/api'
import type { Hash, MemberId, RecordId, TransactionId } from '@wardline/codec'
import { height, name32 } from '@wardline/codec'
import {
  type AccessRequest,
  decideAccess,
  type GrantTerms,
  NO_EXPIRY,
  PURPOSES,
  readBlockAt,
  recordIdOf,
  signRequest
} from '@wardline/ledger'
import type { Hospital } from '../cast.ts'
import type { Daemon } from '../daemon.ts'
import { createPatient, type Patient, sponsored } from './patients.ts'
import { createStaff } from './staff.ts'
import type { Act, Clients } from './workload.ts'

type OpenedAlias = { readonly patient: Patient; readonly hospital: Hospital; readonly opened: TransactionId }
type Anchored = {
  readonly of: OpenedAlias
  readonly record: RecordId
  readonly anchored: TransactionId
  /** Null where nothing but the anchor was made. */
  readonly bytes: Uint8Array | null
}
type Granted = { readonly of: OpenedAlias; readonly grant: TransactionId; readonly grantee: MemberId }

const ALIASES_MAX = 8
const HOUR_MS = 60 * 60 * 1000
const REQUEST_MS = 60_000

export function permissionActions(clients: Clients, repeat: Act): Act {
  const { prng, cast, promises, draw, nowMs, parsed, send, isFinal } = clients
  const staff = createStaff(clients)
  const aliases: OpenedAlias[] = []
  const anchors: Anchored[] = []
  const grants: Granted[] = []
  const asked: AccessRequest[] = []

  function open({ self }: Daemon, place: Daemon): void {
    if (aliases.length >= ALIASES_MAX) return
    const patient = createPatient(prng)
    const body = { hospital: self.member, custodial: false }
    const draft = { chain: cast.chain, kind: 'alias.open', ...draw(), body } as const
    const transaction = sponsored(cast, draft, patient, self)
    aliases.push({ patient, hospital: self, opened: transaction.id })
    send(place, { transaction })
  }

  /** Keeps a record in the hospital's vault and anchors it. */
  async function keep(daemon: Daemon): Promise<void> {
    const mine = aliases.filter(({ hospital, opened }) => hospital === daemon.self && isFinal(daemon, opened))
    const releases = daemon.releases()
    if (mine.length === 0 || releases === undefined) return
    const of = prng.pick(mine)
    const bytes = prng.bytes(prng.chance(0.15) ? 300_000 : 100 + prng.below(400))
    const { submission, record } = await releases.anchor(of.patient.alias, bytes, { category: 'laboratory' })
    clients.count(submission.kind === 'refused' ? submission.code : `anchor ${submission.kind}`)
    if (submission.kind === 'accepted') anchors.push({ of, record, anchored: submission.id, bytes })
  }

  /** Asks the owner for a record, and holds what comes against what was kept. The patient may take the grant back meanwhile. */
  async function request(daemon: Daemon): Promise<void> {
    const others = anchors.filter(({ of, bytes, anchored }) => {
      return bytes !== null && of.hospital !== daemon.self && isFinal(daemon, anchored)
    })
    const releases = daemon.releases()
    if (others.length === 0 || releases === undefined) return
    const granted = others.filter(({ of }) => grants.some((one) => one.of === of && one.grantee === daemon.self.member))
    const { of, record, bytes } = prng.pick(granted.length > 0 && prng.chance(0.8) ? granted : others)
    const question = {
      owner: of.hospital.member,
      alias: of.patient.alias,
      records: [record],
      purpose: prng.pick(['treatment', 'treatment', 'research', 'payment'] as const),
      accessor: { member: daemon.self.member, signer: daemon.self.sign }
    }
    const answering = releases.request(question, releases.deadline(REQUEST_MS), undefined).catch(codeOf)
    const standing = grants.find((one) => one.of === of && one.grantee === daemon.self.member)
    // To ask may have been the last that the only process did.
    const places = clients.running()
    const place = places.length > 0 ? prng.pick(places) : undefined
    if (place !== undefined && standing !== undefined && isFinal(place, standing.grant) && prng.chance(0.3))
      takeBack(standing, place)
    const answer = await answering
    if (typeof answer === 'string') return clients.count(`request ${answer}`)
    clients.count(`request ${answer.entry.body.decision}`)
    for (const { content } of answer.records) {
      if (!sameBytes(content.bytes, bytes))
        clients.report('M3', `${daemon.hospital.name} was given other bytes than kept`)
    }
  }

  function anchor(daemon: Daemon, place: Daemon): void {
    const mine = aliases.filter(({ hospital, opened }) => hospital === daemon.self && isFinal(daemon, opened))
    if (mine.length === 0) return
    const of = prng.pick(mine)
    const times = draw()
    const record = recordIdOf(cast.chain, daemon.self.member, times.nonce)
    const transaction = parsed(
      {
        chain: cast.chain,
        kind: 'spv.anchor',
        author: { member: daemon.self.member, keyIndex: 0 },
        ...times,
        body: { alias: of.patient.alias, recordId: record, content: name32<Hash>(prng.bytes(32)) }
      },
      daemon.self.sign
    )
    anchors.push({ of, record, anchored: transaction.id, bytes: null })
    send(place, { transaction })
  }

  /** Another hospital's record cannot be anchored: the alias is not its. */
  function forgeAnchor({ self, ...daemon }: Daemon): void {
    const others = aliases.filter(({ hospital }) => hospital !== self)
    if (others.length === 0) return
    const times = draw()
    const transaction = parsed(
      {
        chain: cast.chain,
        kind: 'spv.anchor',
        author: { member: self.member, keyIndex: 0 },
        ...times,
        body: {
          alias: prng.pick(others).patient.alias,
          recordId: recordIdOf(cast.chain, self.member, times.nonce),
          content: name32<Hash>(prng.bytes(32))
        }
      },
      self.sign
    )
    promises.forbidden(transaction)
    send({ self, ...daemon }, { transaction }, true)
  }

  function termsFor(grantee: MemberId): GrantTerms {
    const from = nowMs() - 1000
    const to = from + Math.round(prng.chance(0.3) ? prng.between(2000, 30_000) : HOUR_MS)
    const known = anchors.map(({ record }) => record).sort()
    const scope =
      known.length > 0 && prng.chance(0.3)
        ? ({ kind: 'records', records: [prng.pick(known)] } as const)
        : ({ kind: 'all' } as const)
    return { grantee: { member: grantee }, scope, purposes: ['research', 'treatment'], from, to, mayDelegate: false }
  }

  function grant({ self }: Daemon, place: Daemon): void {
    const final = aliases.filter(({ opened }) => isFinal(place, opened))
    if (final.length === 0) return
    const of = prng.pick(final)
    const others = cast.hospitals.filter((one) => one !== of.hospital)
    const grantee = prng.pick(others.length > 0 ? others : cast.hospitals).member
    const body = termsFor(grantee)
    const draft = { chain: cast.chain, kind: 'spv.grant', ...draw(), body } as const
    const transaction = sponsored(cast, draft, of.patient, self)
    grants.push({ of, grant: transaction.id, grantee })
    send(place, { transaction })
  }

  function revoke({ self }: Daemon, place: Daemon): void {
    const final = grants.filter((one) => isFinal(place, one.grant))
    if (final.length > 0) takeBack(prng.pick(final), place, self)
  }

  function takeBack({ of, grant: revoked }: Granted, place: Daemon, sponsor = place.self): void {
    const draft = { chain: cast.chain, kind: 'spv.revoke', ...draw(), body: { grant: revoked } } as const
    send(place, { transaction: sponsored(cast, draft, of.patient, sponsor) })
  }

  /** What an owner enters about a request: mostly what it should, sometimes a permit that no grant covers. */
  function access(daemon: Daemon, place: Daemon): void {
    const chain = daemon.chain()
    const mine = anchors.filter(({ of, anchored }) => of.hospital === daemon.self && isFinal(daemon, anchored))
    if (chain === undefined || mine.length === 0 || cast.hospitals.length === 1) return
    const { of, record } = prng.pick(mine)
    const accessor = prng.pick(cast.hospitals.filter((one) => one !== daemon.self))
    const request: AccessRequest =
      asked.length > 0 && prng.chance(0.1)
        ? prng.pick(asked)
        : {
            chain: cast.chain,
            owner: daemon.self.member,
            alias: of.patient.alias,
            records: [record],
            purpose: prng.pick(PURPOSES),
            nonce: prng.bytes(16),
            minHeight: 0,
            // Some wanted it decided an hour ago.
            notAfter: nowMs() + (prng.chance(0.2) ? -HOUR_MS : HOUR_MS),
            accessor: { member: accessor.member, keyIndex: 0, key: accessor.sign.publicKey }
          }
    const signer = cast.hospitals.find(({ member }) => member === request.accessor.member)
    if (signer === undefined || request.owner !== daemon.self.member) return
    asked.push(request)
    const at = height(Math.max(0, chain.head().height - 1 - prng.below(3)))
    const decided = readBlockAt(chain.state, at)
    if (decided === undefined) return
    const found = decideAccess(chain.state, request, at, decided.time)
    const isLie = prng.chance(0.1) && grants.length > 0
    const permitted = found.kind === 'permit' ? found.grant : isLie ? prng.pick(grants).grant : undefined
    const decision =
      permitted === undefined
        ? ({ decision: 'deny', code: found.kind === 'deny' ? found.code : 'no-grant', basis: null } as const)
        : ({ decision: 'permit', code: null, basis: permitted } as const)
    const transaction = parsed(
      {
        chain: cast.chain,
        kind: 'spv.access',
        author: { member: daemon.self.member, keyIndex: 0 },
        nonce: prng.bytes(16),
        created: nowMs() - 1,
        expires: NO_EXPIRY,
        body: {
          request: signRequest(request, signer.sign),
          decidedAt: { height: at, digest: decided.digest },
          ...decision
        }
      },
      daemon.self.sign
    )
    send(place, { transaction })
  }

  return (daemon) => {
    const choice = prng.below(100)
    // No kind of this mode has a payload, so any daemon takes them.
    const place = prng.chance(0.8) ? daemon : prng.pick(clients.running())
    if (choice < 6 && staff.registered() < 20) staff.register(daemon)
    else if (choice < 20) open(daemon, place)
    else if (choice < 27) anchor(daemon, place)
    else if (choice < 40) clients.background('an anchoring', () => keep(daemon))
    else if (choice < 52) grant(daemon, place)
    else if (choice < 59) revoke(daemon, place)
    else if (choice < 68) access(daemon, place)
    else if (choice < 88) clients.background('a request', () => request(daemon))
    else if (choice < 92) forgeAnchor(daemon)
    else repeat(daemon)
  }
}

/** What a request ended with instead of an answer. @throws what is no answer of ours */
function codeOf(error: unknown): string {
  if (error instanceof ApiError) return error.code
  throw error
}

function sameBytes(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && a.length === b.length && a.every((byte, i) => byte === b[i])
}
