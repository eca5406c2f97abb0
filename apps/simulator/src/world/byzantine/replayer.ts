/** Sends what it has heard and said once more, later, with another number where nothing is signed. */
import { encodeMessage } from '@wardline/consensus'
import { everyNowAndThen, halves, instead, type Misconduct, messageIn, overhear } from './member.ts'

const REMEMBERED_MAX = 256
const REPEATS_MAX = 200

export const replay: Misconduct = (network, member) => {
  const { prng } = member
  const remembered: { readonly topic: string; readonly data: Uint8Array }[] = []
  const remember = (topic: string, data: Uint8Array): void => {
    const said = { topic, data: data.slice() }
    if (remembered.length < REMEMBERED_MAX) remembered.push(said)
    else remembered[prng.below(REMEMBERED_MAX)] = said
  }
  everyNowAndThen(member, [10, 300], REPEATS_MAX, () => {
    if (remembered.length === 0) return
    const { topic, data } = prng.pick(remembered)
    const message = messageIn(topic, data)
    const [some] = halves(member)
    if (message?.kind === 'vote') {
      member.whisper(some, topic, encodeMessage({ ...message, vote: { ...message.vote, attempt: prng.uint32() } }))
    } else if (message?.kind === 'certificate') {
      member.whisper(some, topic, encodeMessage({ ...message, attempt: prng.uint32() }))
    } else {
      member.whisper(some, topic, data)
    }
  })
  return instead(overhear(network, remember), async (topic, data) => {
    remember(topic, data)
    await network.gossip.publish(topic, data)
  })
}
