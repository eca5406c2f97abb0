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
  // stt.send, from the transaction alone.
  'no-receivers': form('The transmission names no receiver.'),
  'too-many-receivers': form('The transmission names more than 256 receivers.'),
  'receivers-not-sorted': form('The receivers are not in ascending order of member id, each named once.'),
  'self-receiver': form('The author is among the receivers.'),
  'subject-not-supported': form('A recall key was given, and this version has no patient wallets.'),

  // Every kind: time, replay, author.
  expired: permanent('The transaction had expired at the time of the block.'),
  'too-far-expiry': pending('The transaction expires more than 48 hours after the time of the block.'),
  'id-used': permanent('A transaction with this id is already in the chain.'),
  'unknown-author': pending('The author is not a member of this chain.'),
  'author-revoked': permanent('The author is no longer a member of this chain.'),
  'author-suspended': permanent("The author's hospital is no longer a member of this chain."),
  'author-expired': permanent("The author's registration has ended."),
  'key-mismatch': pending('The signing key is not the key that the author has registered under that number.'),
  'key-not-yet': pending('The signing key replaces another one and is not in force yet.'),
  'key-revoked': permanent('The signing key has been replaced by a newer one.'),

  // member.register
  'not-registrar': pending('Only the registrar of the chain may do this.'),
  'not-own-hospital': pending('A hospital registers staff for itself only.'),
  'out-of-scope': pending("The role, attributes or end of the registration exceed the hospital's own authority."),
  'until-passed': permanent('The registration would end before the block that makes it.'),
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

  // stt.send and stt.ack
  'author-not-hospital': pending('Only hospitals send records and acknowledge them.'),
  'record-id-mismatch': pending('The record is new, and its id is not the one that its author and nonce give.'),
  'content-mismatch': permanent('The content is not the one that the first transmission of this record fixed.'),
  'not-a-holder': pending('The author is neither the origin of the record nor a receiver who acknowledged opening it.'),
  'not-a-hospital': pending('A receiver is not a hospital of this chain.'),
  'receiver-revoked': pending('A receiver is no longer a member of this chain.'),
  'stale-sealing-key': pending("The record is sealed to a key that is not the receiver's current one."),
  'unknown-transmission': pending('The transmission that is acknowledged is not in the chain.'),
  'not-a-receiver': permanent('The author is not among the receivers of the transmission.'),
  'already-acknowledged': permanent('The author has already acknowledged this transmission.'),

  // A block as a whole.
  'block-too-large': block('The transactions of the block together exceed the size that the genesis allows.'),
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
