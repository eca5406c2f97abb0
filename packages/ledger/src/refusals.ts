/**
 * Every reason for which a transaction is not accepted, each with its stable code, where it is found, whether it can ever
 * pass, and one sentence for people. The documentation, the control socket and the tests read this one table.
 *
 * `form`: found in the transaction alone (by `parseTransaction`, or by whoever verifies `signatureChecks`); nothing ever
 * makes it acceptable. `state`: found by `judge`. `block`: found by `execute` in the block as a whole.
 *
 * A `state` refusal is permanent when it holds for the judged state, for every later final state and for every later block
 * time. So a daemon that judged on a state that is not final, or with a time that is ahead of the head's, must not take
 * `permanent` as an outcome before it has judged again on the final state with the head's time.
 */

type Refusal = { readonly stage: 'form' | 'state' | 'block'; readonly permanent: boolean; readonly sentence: string }

function form(sentence: string) {
  return { stage: 'form', permanent: true, sentence } as const
}

function pending(sentence: string) {
  return { stage: 'state', permanent: false, sentence } as const
}

function permanent(sentence: string) {
  return { stage: 'state', permanent: true, sentence } as const
}

function block(sentence: string) {
  return { stage: 'block', permanent: true, sentence } as const
}

export const REFUSALS = {
  // The envelope.
  'too-large': form('The signed transaction is larger than 60 KiB.'),
  malformed: form('The bytes are not the canonical encoding of a transaction of a known shape.'),
  'unsupported-version': form('The transaction has a version that this daemon does not know.'),
  'wrong-chain': form('The transaction is for another chain.'),
  'unknown-kind': form('The transaction is of a kind that this chain does not have.'),
  'bad-lifetime': form('The transaction expires before it was created.'),
  'payload-missing': form('This kind of transaction needs a payload, and none is named.'),
  'payload-not-allowed': form('This kind of transaction has no payload, and one is named.'),
  'payload-too-large': form('The payload is empty or larger than 1 MiB.'),
  'bad-signature': form('A signature in the transaction does not verify under the key beside it.'),
  'key-not-acceptable': form('A new public key is not canonically encoded, or is of small order.'),
  // stt.send and stt.ack, from the transaction alone.
  'no-receivers': form('The transmission names no receiver.'),
  'too-many-receivers': form('The transmission names more than 256 receivers.'),
  'receivers-not-sorted': form('The receivers are not in ascending order of member id, each named once.'),
  'acks-not-sorted': form('The acknowledgements are not in ascending order of transmission, each named once.'),
  'key-proves-nothing': form('A content key is revealed with an acknowledgement that claims no mismatch.'),
  'self-receiver': form('The author is among the receivers.'),
  // dss.record, dss.amend and dss.access, from the transaction alone.
  'no-doctors': form('No doctor signs the record.'),
  'doctors-not-sorted': form('Those who sign are not in ascending order of member id, each named once.'),
  'records-not-sorted': form('The records are not in ascending order (dss.access: of version), each named once.'),
  // spv.grant and spv.access, from the transaction alone.
  'delegation-not-supported': form('The grant may be handed on, and this version has no delegation.'),
  'no-purposes': form('The grant is for no purpose.'),
  'no-records': form('The grant is for certain records and names none.'),
  'empty-window': form('The grant, or the time of the records that it is for, ends before it begins.'),
  'decided-too-early': form('The owner decided at a lower height than the request asks for.'),
  'not-the-owner': form('The request that the access answers was made to another hospital, or on another chain.'),

  // Every kind: time, replay, author.
  expired: permanent('The transaction had expired at the time of the block.'),
  'too-far-expiry': pending('The transaction expires more than 48 hours after the time of the block.'),
  'id-used': permanent('A transaction with this id is already in the chain.'),
  'kind-not-here': permanent('A chain of this mode has no transactions of this kind.'),
  'unknown-author': pending('The author, or the hospital that sponsors it, is not a member of this chain.'),
  'wrong-sponsor': permanent('The alias is to be that of another hospital than the one that sponsors it.'),
  'sponsor-not-hospital': pending('Only a hospital sponsors what a patient writes.'),
  'author-revoked': permanent('The author, or the hospital that sponsors it, is no longer a member of this chain.'),
  'author-suspended': permanent("The author's hospital is no longer a member of this chain."),
  'author-expired': permanent('The registration of the author, or of the hospital that sponsors it, has ended.'),
  'key-mismatch': pending('The signing key is not the key that the author has registered under that number.'),
  'key-not-yet': pending('The signing key replaces another one and is not in force yet.'),
  'key-revoked': permanent('The signing key has been replaced by a newer one.'),

  // member.register
  'not-registrar': pending('Only the registrar of the chain may do this.'),
  'not-own-hospital': pending('A hospital registers staff for itself only.'),
  'out-of-scope': pending("The role, attributes or end of the registration exceed the hospital's own authority."),
  'until-passed': permanent('The registration or enrolment would end before the block that makes it.'),
  'approvals-required': pending(
    'A hospital joins an alliance with the approvals of a quorum, which cannot be given yet.'
  ),
  'member-exists': permanent('A member with this first signing key is already registered.'),
  'host-in-use': pending('Another member already uses this libp2p key.'),
  'too-many-hosts': pending('The chain has as many members with a libp2p key as it can connect.'),

  // member.revoke and member.rotate
  'unknown-member': pending('The member that the transaction is about is not registered.'),
  'member-revoked': permanent('The member that the transaction is about is no longer a member.'),
  'not-permitted': pending('The author may not do this to that member.'),
  'is-validator': pending('A validator is removed from the validator set before it is revoked.'),
  'is-registrar': pending('The registrar cannot be revoked.'),
  'key-in-use': permanent('The member has, or has had, this key already.'),
  'too-many-keys': permanent('The member has replaced its keys as often as the chain allows.'),
  'rotation-pending': pending('The member already has a key that waits for its delay to pass.'),
  'no-rotation-pending': pending('The member has no key that waits for its delay to pass.'),
  'wrong-epoch': pending('The approvals were given in another epoch.'),
  'approvals-expired': permanent('The approvals had expired at the time of the block.'),
  'not-a-validator': pending('An approval is by a member that is not a validator.'),
  'stale-approval-key': pending('An approval is signed with a key that is not the current one of its member.'),
  'too-few-approvals': pending('Fewer validators approve than the quorum.'),

  // validator.change
  'epoch-ended': permanent('The approvals were given in an epoch that has ended.'),
  'already-validator': pending('The member is a validator already.'),
  'member-not-validator': pending('The member is not a validator.'),
  'not-eligible': pending('Only a hospital with a libp2p key whose registration has no end becomes a validator.'),
  'vote-key-in-use': pending('A validator votes with this key already.'),
  'last-validator': pending('A chain keeps at least one validator.'),
  'too-many-validators': pending('The chain has as many validators as it can have.'),

  // evidence.report
  'not-its-vote-key': pending('The votes are not signed with the consensus key that the member has registered.'),
  'already-reported': permanent('The chain has a report of the same conflict of that member in that view already.'),
  'enough-reported': permanent('The chain has as many reports against that member as it keeps.'),

  // stt.send, stt.ack, stt.recall and stt.attest
  'author-not-hospital': pending('Only hospitals send, acknowledge, write and read records, and report evidence.'),
  'record-id-mismatch': pending('The record is new, and its id is not the one that its author and nonce give.'),
  'content-mismatch': permanent('The content is not the one that the first transmission of this record fixed.'),
  'subject-mismatch': permanent('The recall key is not the one that the first transmission of this record fixed.'),
  recalled: permanent('The record has been recalled: nobody hands it on any more.'),
  'not-a-holder': pending('The author is neither the origin of the record nor a receiver who acknowledged opening it.'),
  'not-a-hospital': pending('A receiver is not a hospital of this chain.'),
  'receiver-revoked': pending('A receiver is no longer a member of this chain.'),
  'stale-sealing-key': pending("The record is sealed to a key that is not the receiver's current one."),
  'unknown-transmission': pending('The transmission that is acknowledged is not in the chain.'),
  'not-a-receiver': permanent('The author is not among the receivers of the transmission.'),
  'already-acknowledged': permanent('The author has already acknowledged this transmission.'),
  'not-the-origin': permanent(
    'Only the origin of a record, or the recall key that its first transmission named, recalls it.'
  ),
  'not-recalled': pending('The record has not been recalled.'),
  'already-attested': permanent('The author has already said that it destroyed this record.'),

  // dss.enrol, dss.withdraw, dss.record, dss.amend and dss.access
  'out-of-order': permanent('The patient has said something of its enrolment since it signed this.'),
  'not-enrolled': pending('The patient has not enrolled in this alliance.'),
  'enrolment-ended': pending("The patient's enrolment in this alliance has ended, by its time or by withdrawal."),
  'record-exists': permanent('A record with this id is already on the chain.'),
  'unknown-doctor': pending('Somebody who signs the record is not a member of this chain.'),
  'not-a-doctor': permanent('Somebody who signs the record is not registered in the role in which it signs.'),
  'doctor-revoked': permanent('Somebody who signs the record is no longer in standing as a member of this chain.'),
  'stale-doctor-key': pending('Somebody signs the record with a key that is not the current one of that member.'),
  'unknown-record': pending('The chain has no such record.'),
  'alias-mismatch': permanent('The record is of another patient.'),
  'not-original-hospital': permanent('Only the hospital that wrote a record amends it.'),
  'not-original-signer': permanent('None of the doctors who signed the first version of the record signs.'),
  'unknown-version': pending('The record has no such version.'),
  'not-latest-version': permanent('The record has a newer version than the one that is amended.'),
  'not-own-reader': pending('The reader is not registered staff of the hospital that reads.'),
  'reader-revoked': permanent('The reader is no longer in standing as a member of this chain.'),

  // alias.open, spv.anchor, spv.grant, spv.revoke and spv.access
  'alias-exists': permanent('The alias has been opened already.'),
  'unknown-alias': pending('The alias has not been opened on this chain.'),
  'not-alias-hospital': permanent('The alias was opened at another hospital.'),
  'unknown-grantee': pending('The grantee, or the hospital or authority that it names, is not on this chain.'),
  'grant-over': permanent('The grant would end before the block that makes it.'),
  'too-many-grants': pending('The patient has as many grants to this grantee as the chain keeps.'),
  'unknown-grant': pending('The chain has no such grant.'),
  'not-own-grant': permanent('The grant is of another patient.'),
  'already-revoked': permanent('The grant has been revoked already.'),
  'unknown-accessor': permanent('Who asks for the records was not a member of this chain when the owner decided.'),
  'accessor-key-mismatch': permanent(
    'The request is not signed with a key that who asks had registered under that number when the owner decided.'
  ),
  'accessor-key-not-in-force': permanent('The key of who asks was not in force when the owner decided.'),
  'request-used': permanent('The request has been answered already.'),
  'unknown-decision': pending('The block at which the owner decided is not below this one.'),
  'wrong-decision': permanent('The chain has another block at the height at which the owner decided.'),

  // A block as a whole.
  'block-too-large': block('The transactions of the block together exceed the size that the genesis allows.'),
  'payloads-too-large': block('The payloads that every member must hold together exceed 8 MiB in one block.'),
  'accesses-too-many': block('The block holds more than 256 entries about the release of records.'),
  'change-not-last': block('A change of the validators is not the last transaction of its block.'),
  'block-too-many': block('The block holds more transactions than the genesis allows.')
} as const satisfies Readonly<Record<string, Refusal>>

export type Code = keyof typeof REFUSALS
type CodeOf<Stage extends Refusal['stage']> = {
  [C in Code]: (typeof REFUSALS)[C]['stage'] extends Stage ? C : never
}[Code]
/** A fault of the transaction itself: whoever delivered it is at fault too. */
export type FormCode = CodeOf<'form'>
/** A refusal by the rules, on one state and at one block time. */
export type RefusalCode = CodeOf<'state'>
/** A fault of a block as a whole. */
export type BlockCode = CodeOf<'block'>
