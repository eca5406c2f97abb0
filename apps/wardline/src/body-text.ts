/** What a transaction says, kind by kind, for people: whole ids, one line for each field and for each item of a list. */
import { assert, type MemberId, unreachable } from '@wardline/codec'
import { conflictOf } from '@wardline/consensus'
import {
  type Expression,
  type Grantee,
  type Kind,
  memberIdOf,
  type ParsedTransaction,
  requestIdOf,
  type Scope
} from '@wardline/ledger'
import { utc } from './output.ts'

export type Line = readonly [label: string, value: string]

export type Told = {
  readonly lines: readonly Line[]
  /** What follows from the body alone and others call it by, by name; for JSON. */
  readonly derived?: Readonly<Record<string, string>>
  /** What one might take it to prove and it does not: a stable word for scripts, and the end of a sentence that begins “proves not”. */
  readonly provesNot?: Readonly<Record<string, string>>
}

/** @param called a member's whole id, and its name where that is known */
export function tellBody<K extends Kind>(
  transaction: ParsedTransaction<K>,
  called: (member: MemberId) => string
): Told {
  return tellers[transaction.kind as K](transaction, called)
}

type Tellers = {
  readonly [K in Kind]: (transaction: ParsedTransaction<K>, called: (member: MemberId) => string) => Told
}

const tellers: Tellers = {
  'member.register': ({ body }, called) => {
    const member = memberIdOf(body.sign)
    const { grants } = body
    return {
      lines: [
        ['member', called(member)],
        ['role', body.role],
        ['hospital', body.hospital === null ? '-' : called(body.hospital)],
        ['sign key', body.sign],
        ['seal key', body.seal ?? '-'],
        ['host key', body.host ?? '-'],
        ['attributes', listText(body.attributes)],
        [
          'may confer',
          grants === null
            ? '-'
            : `roles ${listText(grants.roles)}; attributes ${grants.attributes === null ? 'any' : listText(grants.attributes)}`
        ],
        ['until', body.until === null ? 'without end' : utc(body.until)]
      ],
      derived: { member },
      provesNot: { 'still-registered': 'that it is registered still, or has these keys still' }
    }
  },
  'member.revoke': ({ body }, called) => ({ lines: [['member', called(body.member)]] }),
  'member.rotate': ({ body }, called) => {
    const whose: readonly Line[] = [
      ['action', body.action],
      ['member', called(body.member)]
    ]
    switch (body.action) {
      case 'veto':
        return { lines: whose }
      case 'announce':
        return {
          lines: [...whose, ...newKeyLines(body)],
          provesNot: { 'keys-in-force': 'that the new keys came into force: a veto may have followed' }
        }
      case 'recover':
        return { lines: [...whose, ...newKeyLines(body), ...approvalLines(body, called)] }
      default:
        return unreachable(body)
    }
  },
  'validator.change': ({ body }, called) => ({
    lines: [
      ['action', body.action],
      ['member', called(body.member)],
      ['vote key', body.vote ?? '-'],
      ...approvalLines(body, called)
    ]
  }),
  'evidence.report': ({ body }, called) => {
    const conflict = conflictOf(...body.votes)
    assert(conflict !== undefined, 'the votes of a parsed report are in conflict')
    return {
      lines: [
        ['validator', called(body.signer)],
        ['vote key', body.key],
        ['signed both', conflict.replace('-', ' and ')],
        ['in', `epoch ${body.epoch}, view ${body.view}`],
        ...body.votes.map(({ kind, digest }): Line => [kind, digest])
      ],
      derived: { conflict }
    }
  },
  'stt.send': ({ body, payload }, called) => ({
    lines: [
      ['record', body.recordId],
      ['commitment', body.content],
      ...body.to.map(({ member }): Line => ['to', called(member)]),
      ['via', body.via ?? '-, the author is the record’s origin'],
      ['purpose', body.purpose],
      ['consent', body.consent ?? '-'],
      ['recall key', body.subject ?? '-'],
      ...payloadLines(payload)
    ],
    provesNot: { opened: 'that anybody received or opened it' }
  }),
  'stt.ack': ({ body }) => ({
    lines: body.acks.flatMap(({ via, outcome, contentKey }): readonly Line[] =>
      contentKey === undefined
        ? [[outcome, via]]
        : [
            [outcome, via],
            ['content key', `${contentKey} of ${via}`]
          ]
    ),
    provesNot: { outcome: 'that it is as the receiver says: this is its word' }
  }),
  'stt.recall': ({ body }) => ({
    lines: [
      ['record', body.recordId],
      [
        'recalled by',
        body.subject === null ? 'the record’s origin' : `the patient, by the recall key ${body.subject.key}`
      ]
    ],
    provesNot: { destroyed: 'that any copy was destroyed' }
  }),
  'stt.attest': ({ body }) => ({
    lines: [
      ['record', body.recordId],
      ['via', body.via ?? '-, the author is the record’s origin']
    ],
    provesNot: { destroyed: 'that the copies are destroyed: this is the hospital’s word' }
  }),
  'dss.enrol': ({ body }) => ({
    lines: [
      ['until', utc(body.until)],
      ['basis', body.basis]
    ],
    provesNot: { 'still-enrolled': 'that it holds still: the patient may have withdrawn since' }
  }),
  'dss.withdraw': () => ({
    lines: [],
    provesNot: { 'still-withdrawn': 'that it holds still: the patient may have enrolled again since' }
  }),
  'dss.record': ({ body, payload }, called) => ({
    lines: [
      ['patient', body.alias],
      ['record', body.recordId],
      ['commitment', body.content],
      ...body.doctors.map(({ member, role }): Line => ['signed by', `${called(member)} as ${role}`]),
      ['after', body.after ?? '-'],
      ...payloadLines(payload)
    ],
    provesNot: { 'newest-version': NEWEST }
  }),
  'dss.amend': ({ body, payload }, called) => ({
    lines: [
      ['patient', body.alias],
      ['record', body.recordId],
      ['supersedes', body.supersedes],
      ['commitment', body.content],
      ...body.doctors.map(({ member, role }): Line => ['signed by', `${called(member)} as ${role}`]),
      ['after', body.after ?? '-'],
      ...payloadLines(payload)
    ],
    provesNot: { 'newest-version': NEWEST }
  }),
  'dss.access': ({ body }, called) => ({
    lines: [
      ['patient', body.alias],
      ...body.records.map(({ record, version }): Line => ['record', `${record}, version ${version}`]),
      ['reader', body.reader === null ? '-, the hospital does not say' : called(body.reader)],
      ['purpose', body.purpose]
    ],
    provesNot: { read: 'that anything was read: a hospital says that it will, before it does' }
  }),
  'alias.open': ({ body }, called) => ({
    lines: [
      ['hospital', called(body.hospital)],
      ['wallet', body.custodial ? 'kept by the hospital' : 'the patient’s own']
    ]
  }),
  'spv.anchor': ({ body }) => ({
    lines: [
      ['patient', body.alias],
      ['record', body.recordId],
      ['commitment', body.content]
    ]
  }),
  'spv.grant': ({ body }, called) => ({
    lines: [
      ['to', granteeText(body.grantee, called)],
      ...scopeLines(body.scope),
      ...body.purposes.map((purpose): Line => ['purpose', purpose]),
      ['from', utc(body.from)],
      ['until', utc(body.to)]
    ],
    provesNot: { 'still-granted': 'that it holds still: the patient may have revoked it since' }
  }),
  'spv.revoke': ({ body }) => ({ lines: [['grant', body.grant]] }),
  'spv.access': ({ body }, called) => {
    const { request } = body.request
    const id = requestIdOf(request)
    return {
      lines: [
        ['request', id],
        ['accessor', called(request.accessor.member)],
        ['patient', request.alias],
        ...request.records.map((record): Line => ['record', record]),
        ['purpose', request.purpose],
        ['decision', body.code === null ? body.decision : `${body.decision} (${body.code})`],
        ['grant', body.basis ?? '-'],
        ['decided at', `${body.decidedAt.height} ${body.decidedAt.digest}`],
        ['asked for', `a decision at height ${request.minHeight} or above, before ${utc(request.notAfter)}`]
      ],
      derived: { request: id },
      provesNot: {
        ...(body.decision === 'permit' && { 'chain-finding': FINDING }),
        'bytes-taken': 'what was taken: it speaks of the decision, not of bytes'
      }
    }
  }
}

const NEWEST = 'that no newer version followed'

const FINDING =
  'whether it is covered, late or a violation: that is the chain’s finding, which a daemon tells ("wardline audit patient"); the grant is the owner’s word'

function newKeyLines({ sign, seal }: { readonly sign: string | null; readonly seal: string | null }): readonly Line[] {
  return [
    ['sign key', sign ?? 'as before'],
    ['seal key', seal ?? 'as before']
  ]
}

type Approved = {
  readonly epoch: number
  readonly expires: number
  readonly approvals: readonly { readonly member: MemberId }[]
}

function approvalLines({ epoch, expires, approvals }: Approved, called: (member: MemberId) => string): readonly Line[] {
  return [
    ['epoch', String(epoch)],
    ['void from', utc(expires)],
    ...approvals.map(({ member }): Line => ['approved by', called(member)])
  ]
}

function payloadLines(payload: ParsedTransaction['payload']): readonly Line[] {
  return payload === undefined ? [] : [['payload', `${payload.commitment}, ${payload.size} bytes`]]
}

function granteeText(grantee: Grantee, called: (member: MemberId) => string): string {
  if ('member' in grantee) return called(grantee.member)
  if ('role' in grantee) return `every ${grantee.role} of ${called(grantee.hospital)}`
  return `whoever is ${expressionText(grantee.expression, called)}`
}

function expressionText(expression: Expression, called: (member: MemberId) => string): string {
  switch (expression.kind) {
    case 'attribute':
      return `${expression.attribute} by ${called(expression.authority)}`
    case 'not':
      return `not ${expressionText(expression.of, called)}`
    case 'and':
    case 'or':
      return `(${expression.of.map((part) => expressionText(part, called)).join(` ${expression.kind} `)})`
    default:
      return unreachable(expression)
  }
}

function scopeLines(scope: Scope): readonly Line[] {
  switch (scope.kind) {
    case 'all':
      return [['records', 'all']]
    case 'records':
      return scope.records.map((record): Line => ['record', record])
    case 'anchored': {
      const from = scope.from === 0 ? '' : ` from ${utc(scope.from)}`
      const before = scope.to === Number.MAX_SAFE_INTEGER ? '' : ` before ${utc(scope.to)}`
      return [['records', `all that are anchored${from}${before}`]]
    }
    default:
      return unreachable(scope)
  }
}

function listText(items: readonly string[]): string {
  return items.length === 0 ? '-' : items.join(', ')
}
