/** `pnpm network`: hospitals with real daemons on this machine, kept for experiments. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { unreachable, WardlineError } from '@wardline/codec'
import { CommanderError } from 'commander'
import { add, end, start, stateFacts, states, stateText } from './kept-network/acts.ts'
import { foundIn, type KeptNetwork, nextName, readNetwork, sitesNamed } from './kept-network/folder.ts'
import { follow } from './kept-network/follow.ts'
import { type Act, type NetworkOptions, parseLine, parseOptions } from './kept-network/options.ts'
import { UsageError } from './usage-error.ts'

/** As the operator's command line has them. */
const EXIT = { ok: 0, error: 1, usage: 2, notRunning: 3 } as const

const say = (line: string) => process.stdout.write(`${line}\n`)
/** Ends what waits: `follow`, and the holding of the network. A second signal ends the program. */
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort())

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  const found = await readNetwork(options.folder)
  if (options.act === undefined) return hold(found ?? (await foundNetwork(options)), options)
  if (found !== undefined) return perform(options.act, found, options.json, interrupted.signal)
  if (options.act.kind !== 'start') throw new UsageError(`There is no network in ${options.folder}.`)
  return perform(options.act, await foundNetwork(options), options.json, interrupted.signal)
}

function foundNetwork({ folder, hospitals, modes }: NetworkOptions): Promise<KeptNetwork> {
  say(`Founding ${hospitals} hospitals in ${folder}.`)
  return foundIn(folder, { hospitals, modes })
}

/** Starts all, and stops all when it is told to end. */
async function hold(network: KeptNetwork, { folder, json }: NetworkOptions): Promise<number> {
  try {
    await start(network.sites, say)
    await perform({ kind: 'status', hospitals: [] }, network, json, interrupted.signal)
    if (process.stdin.isTTY) await converse(folder)
    else await untilInterrupted()
  } finally {
    const last = (await readNetwork(folder)) ?? network
    await end(last.sites, 'stop', () => undefined)
  }
  say('All stopped.')
  return EXIT.ok
}

async function untilInterrupted(): Promise<void> {
  if (interrupted.signal.aborted) return
  // Waiting for a signal alone does not keep a process.
  const alive = setInterval(() => undefined, 2 ** 31 - 1)
  await once(interrupted.signal, 'abort')
  clearInterval(alive)
}

/** A prompt that takes the commands line by line, until its input ends. What goes wrong is said, and the network stays. */
async function converse(folder: string): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'network> ' })
  let running: AbortController | undefined
  lines.on('SIGINT', () => (running === undefined ? lines.close() : running.abort()))
  interrupted.signal.addEventListener('abort', () => lines.close())
  say('\nstart, stop, kill, status, follow, add, or quit; help says more. Ctrl-C ends a follow.')
  lines.prompt()
  for await (const line of lines) {
    if (['quit', 'exit'].includes(line.trim())) break
    running = new AbortController()
    try {
      const act = parseLine(line)
      const network = await readNetwork(folder)
      if (act !== undefined && network !== undefined) await perform(act, network, false, running.signal)
    } catch (error) {
      report(error)
    }
    running = undefined
    lines.prompt()
  }
  lines.close()
}

async function perform(act: Act, network: KeptNetwork, json: boolean, signal: AbortSignal): Promise<number> {
  switch (act.kind) {
    case 'start':
      await start(sitesNamed(network, act.hospitals), say)
      return EXIT.ok
    case 'stop':
    case 'kill':
      return (await end(sitesNamed(network, act.hospitals), act.kind, say)) > 0 ? EXIT.ok : EXIT.notRunning
    case 'add':
      await add(network, act.name ?? nextName(network), say)
      return EXIT.ok
    case 'follow':
      await follow(sitesNamed(network, act.hospitals), { logs: act.logs, signal, say })
      return EXIT.ok
    case 'status': {
      const found = await states(sitesNamed(network, act.hospitals))
      if (json) say(JSON.stringify({ hospitals: found.map(stateFacts) }))
      else for (const state of found) say(stateText(state))
      return found.some(({ presence }) => presence.kind === 'running') ? EXIT.ok : EXIT.notRunning
    }
    default:
      return unreachable(act)
  }
}

function report(error: unknown): number {
  // Commander has said it.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const isUsage = error instanceof UsageError
  const isKnown = isUsage || error instanceof WardlineError
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  process.stderr.write(`network: ${isKnown ? message : (stack ?? message)}\n`)
  return isUsage ? EXIT.usage : EXIT.error
}

process.exit(await main().catch(report))
