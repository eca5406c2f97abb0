/** Bounds on what one engine remembers or does. */

/** Notarized blocks awaiting finality on top of which a leader adds only empty ones. */
export const UNFINALIZED_MAX = 8
/** Committed blocks whose synced write is not done; a leader waits beyond this. */
export const COMMITS_PENDING_MAX = 64
/** Views behind the current one whose votes and unnotarized proposals are kept. */
export const VIEWS_KEPT = 64
/** Certificates of others that one peer may make this node check per second, those inside its proposals included. */
export const CERTIFICATE_CHECKS_PER_SECOND = 10
/** How far one proposal with many certificates may overdraw that: what it exceeds, the peer waits for. */
export const CERTIFICATE_DEBT_MAX = 10 * CERTIFICATE_CHECKS_PER_SECOND
/** Proposals up to the next view that one peer may deliver while this node is in one view, before they count as certificates. */
export const PROPOSALS_PER_VIEW = 8
/** Votes beyond the next view that one peer may make this node check per second. */
export const FUTURE_VOTE_CHECKS_PER_SECOND = 100
/** Certificates in one answer to a lagging member; below what it will check in a second. */
export const LAG_ANSWER_MAX = 8
/** Members that a leader sends its proposal again to at one retry. */
export const PROPOSAL_RESENDS_MAX = 8
/** A leader that was silent for more than this many views for each member of the set is not waited for. */
export const SILENT_VIEWS_PER_MEMBER = 2
/** Unknown ancestors of a final block that are fetched one by one; beyond this, catch-up does it. */
export const FETCH_DEPTH_MAX = 16
/** A voter accepts a block's time from this much before to this much after its own clock, milliseconds. */
export const BLOCK_AGE_MAX_MS = 60_000
export const BLOCK_AHEAD_MAX_MS = 10_000
