/** The commands, their options and their help. What they do is in `commands/`, loaded when one runs. */
import { Command, InvalidArgumentError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import type { ExitCode } from './exit.ts'
import type { Common } from './output.ts'

/** `setExit` is for commands whose result is data and still not a success, such as a failed verification. */
export function buildProgram(setExit: (code: ExitCode) => void): Command {
  const program = new Command('wardline')
    .description(
      'Operates a hospital on Wardline: the founding ceremony, the running daemon, and proofs without either.'
    )
    .version(manifest.version)
    .option('--json', 'one line of JSON on standard output; errors as JSON on standard error')
    .option('--home <folder>', 'the home of this hospital (WARDLINE_HOME; default ~/.wardline)')
    .option('--passphrase-file <file>', 'what opens the key files (WARDLINE_PASSPHRASE_FILE; default HOME/passphrase)')
    .option('--run-folder <folder>', 'where the control sockets are (WARDLINE_RUN_FOLDER; default HOME/run)')
    .option('--socket <role>', 'admin, ehr or read; left out: the strongest that this user may open')
    .showHelpAfterError('(add --help for what is possible)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit codes: 0 ok, 1 error, 2 usage, 3 daemon not running, 4 verification failed, 5 not permitted, 6 timeout.

Examples:
  $ wardline init --name "Baystate Medical Center"
  $ wardline id export --chain transfers --address /dns4/wardline.baystate.example/tcp/20123 --out baystate.card
  $ wardline status
  $ wardline verify receipt.json --genesis genesis.json`
    )
  addCeremony(program)
  addDaemon(program)
  addMembers(program)
  addRecords(program)
  addTransactions(program)
  addChains(program, setExit)
  addAudit(program, setExit)
  program
    .command('verify <receipt>')
    .description('verify a receipt offline, with nothing but the genesis')
    .requiredOption('--genesis <file>', 'the genesis that you trust')
    .option('--pin <height:digest>', 'a block that you know to be final; the receipt must lie on its chain')
    .addHelpText('after', example('wardline verify receipt.json --genesis genesis.json --pin 120:5be1…'))
    .action(async (receipt, options, command: Command) => {
      const { verify } = await import('./commands/verify.ts')
      setExit(await verify(common(command), receipt, options))
    })
  return program
}

function addCeremony(program: Command): void {
  program
    .command('init')
    .description('make the home of a hospital: identity key, passphrase file and settings')
    .option('--name <name>', 'the name that other hospitals see (WARDLINE_NAME)')
    .addHelpText('after', example('wardline init --name "Baystate Medical Center" --home /var/lib/wardline'))
    .action(async (_options, command: Command) => {
      const { init } = await import('./commands/init.ts')
      await init(common(command))
    })
  const id = program.command('id').description('what this hospital is to others')
  id.command('export')
    .description('make the keys for a chain, once, and write the card that goes to the other hospitals')
    .requiredOption('--chain <label>', 'what the hospitals call the chain')
    .option('--listen <multiaddr>', 'where the daemon listens; left out: a free port on 127.0.0.1')
    .option('--address <multiaddr>', 'where the others reach it, repeatable; left out: as it listens', collect, [])
    .option('--chain-id <id>', 'the id of a chain that exists already, to be registered on it')
    .option(
      '--registered-by <member>',
      'with --chain-id: the registrar, or the hospital whose staff this is, by its member id'
    )
    .option('--out <file>', 'write the card there rather than to standard output')
    .addHelpText(
      'after',
      example(
        'wardline id export --chain transfers --listen /ip4/0.0.0.0/tcp/20123 --address /dns4/wardline.example/tcp/20123 --out our.card'
      )
    )
    .action(async (options, command: Command) => {
      const { exportId } = await import('./commands/id.ts')
      await exportId(common(command), options)
    })

  const genesis = program.command('genesis').description('found a chain: draft, review, sign, join, install')
  genesis
    .command('draft <card...>')
    .description('write the genesis of a new chain from the cards of its founders')
    .requiredOption('--chain <label>', 'the label on the cards')
    .option('--registrar <card>', 'who admits and expels hospitals; left out: this hospital')
    .option('--parameter <name=value>', 'a rule other than the default, repeatable', collect, [])
    .requiredOption('--out <file>', 'where to write it')
    .addHelpText(
      'after',
      example('wardline genesis draft a.card b.card c.card d.card --chain transfers --out genesis.json')
    )
    .action(async (cards, options, command: Command) => {
      const { draft } = await import('./commands/genesis.ts')
      await draft(common(command), cards, options)
    })
  genesis
    .command('review <file>')
    .description('what to check before signing: names, fingerprints to read by phone, rules, what it tolerates')
    .action(async (file, _options, command: Command) => {
      const { review } = await import('./commands/genesis.ts')
      await review(common(command), file)
    })
  genesis
    .command('sign <file>')
    .description('add this hospital’s signature')
    .option('--out <file>', 'write there rather than into the file')
    .action(async (file, options, command: Command) => {
      const { sign } = await import('./commands/genesis.ts')
      await sign(common(command), file, options)
    })
  genesis
    .command('join <file...>')
    .description('merge the signatures of copies that were signed in parallel')
    .requiredOption('--out <file>', 'where to write the whole')
    .action(async (files, options, command: Command) => {
      const { join } = await import('./commands/genesis.ts')
      await join(common(command), files, options)
    })
  genesis
    .command('install <file>')
    .description('check that all founders signed and put the genesis into this home')
    .action(async (file, _options, command: Command) => {
      const { install } = await import('./commands/genesis.ts')
      await install(common(command), file)
    })
  genesis
    .command('show <file>')
    .description('what a genesis says, and who has signed it')
    .action(async (file, _options, command: Command) => {
      const { show } = await import('./commands/genesis.ts')
      await show(common(command), file)
    })

  const config = program.command('config').description('the settings of this hospital')
  config
    .command('show')
    .description('every setting as it holds now')
    .option('--origin', 'also where each value came from')
    .action(async (options, command: Command) => {
      const { showConfig } = await import('./commands/config.ts')
      await showConfig(common(command), options)
    })
}

function addDaemon(program: Command): void {
  program
    .command('status')
    .description('is all well, and if not, what to do')
    .action(async (_options, command: Command) => {
      const { status } = await import('./commands/status.ts')
      await status(common(command))
    })
  program
    .command('peers')
    .description('which hospitals this one is connected to')
    .option('--chain <label>')
    .action(async (options, command: Command) => {
      const { peers } = await import('./commands/status.ts')
      await peers(common(command), options)
    })
  program
    .command('rpc <method> [json]')
    .description('any call of the control socket; `rpc rpc.discover` describes them all')
    .option('--timeout <seconds>', 'give up after this', seconds)
    .addHelpText('after', example(`wardline rpc chain.block '{"height":1}'`))
    .action(async (method, json, options, command: Command) => {
      const { rpc } = await import('./commands/rpc.ts')
      await rpc(common(command), method, json, options)
    })
}

function addMembers(program: Command): void {
  const member = program.command('member').description('the members of a chain')
  member
    .command('list')
    .option('--chain <label>')
    .description('everybody who is or was registered')
    .action(async (options, command: Command) => {
      const { listMembers } = await import('./commands/member.ts')
      await listMembers(common(command), options)
    })
  withWaiting(member.command('register <card>'))
    .description('register the member whose card this is')
    .requiredOption(
      '--role <role>',
      'hospital, payer, regulator, doctor, nurse, privacyOfficer, researcher or guardian'
    )
    .option('--staff', 'as staff of this hospital, within its own authority')
    .option('--attribute <code>', 'repeatable', collect, [])
    .option('--until <time>', 'end of the registration, such as 2027-12-31T00:00:00Z')
    .addHelpText('after', example('wardline member register mercy.card --role hospital'))
    .action(async (card, options, command: Command) => {
      const { registerMember } = await import('./commands/member.ts')
      await registerMember(common(command), card, options)
    })
  withWaiting(member.command('revoke <member>'))
    .description('end a membership; by id or unique name')
    .action(async (name, options, command: Command) => {
      const { revokeMember } = await import('./commands/member.ts')
      await revokeMember(common(command), name, options)
    })
}

function addRecords(program: Command): void {
  const record = program.command('record').description('send, open and trace records')
  withWaiting(record.command('send [file]'))
    .description('send a record: a new one from a file (- is standard input), or one that is held here')
    .requiredOption('--to <member>', 'receiver by id or unique name, repeatable', collect)
    .option(
      '--purpose <code>',
      'treatment, payment, operations, research, emergency, patient-request, public-health, legal'
    )
    .option('--media-type <type>', 'what a new record is, such as application/fhir+json')
    .option('--record <id>', 'send on a record that is held here')
    .option('--via <transmission>', 'send on what came by this transmission')
    .addHelpText(
      'after',
      example('wardline record send visit.json --to "Mercy Medical Center" --media-type application/fhir+json')
    )
    .action(async (file, options, command: Command) => {
      const { sendRecord } = await import('./commands/record.ts')
      await sendRecord(common(command), file, options)
    })
  record
    .command('open [record]')
    .description('the exact bytes of a record, checked against the chain, to standard output')
    .option('--chain <label>')
    .option('--via <transmission>', 'the copy that came by this transmission')
    .option('--actor <who>', 'who asks, for the local log')
    .option('--out <file>', 'write there instead; never over another file')
    .option('--timeout <seconds>', 'give up after this', seconds)
    .action(async (id, options, command: Command) => {
      const { openRecord } = await import('./commands/record.ts')
      await openRecord(common(command), id, options)
    })
  record
    .command('list')
    .description('what was sent and received, newest first')
    .option('--chain <label>')
    .addOption(new Option('--which <which>', 'own, received or all').choices(['all', 'own', 'received']))
    .option('--limit <count>', 'at most this many', count)
    .option('--before <cursor>', 'continue after the `next` of the last answer')
    .action(async (options, command: Command) => {
      const { listRecords } = await import('./commands/record.ts')
      await listRecords(common(command), options)
    })
  record
    .command('trace <record>')
    .description('draw every hop of a record since its origin')
    .option('--chain <label>')
    .addOption(new Option('--draw <form>', 'terminal, ascii or dot').choices(['terminal', 'ascii', 'dot']))
    .action(async (id, options, command: Command) => {
      const { traceRecord } = await import('./commands/record.ts')
      await traceRecord(common(command), id, options)
    })
  record
    .command('holders <record>')
    .description('who holds a record, and since when')
    .option('--chain <label>')
    .option('--at <time>', 'by block time, such as 2026-11-20T12:00:00Z; left out: now')
    .action(async (id, options, command: Command) => {
      const { listHolders } = await import('./commands/record.ts')
      await listHolders(common(command), id, options)
    })
}

function addTransactions(program: Command): void {
  const tx = program.command('tx').description('transactions')
  withWaiting(tx.command('submit <file>'))
    .description('submit a signed transaction from a file of hex or bytes; the same again does no harm')
    .option('--payload <file>', 'the payload that it names')
    .action(async (file, options, command: Command) => {
      const { submitTransaction } = await import('./commands/tx.ts')
      await submitTransaction(common(command), file, options)
    })
  tx.command('get <id>')
    .description('what became of a transaction')
    .option('--chain <label>')
    .option('--receipt', 'give the receipt, and nothing else, on standard output')
    .option('--anchor <height>', 'a later final height whose head signs for the receipt', count)
    .addHelpText('after', example('wardline tx get 9f3c… --receipt > receipt.json'))
    .action(async (id, options, command: Command) => {
      const { getTransaction } = await import('./commands/tx.ts')
      await getTransaction(common(command), id, options)
    })
}

function addChains(program: Command, setExit: (code: ExitCode) => void): void {
  const chain = program.command('chain').description('the chains of this hospital')
  chain
    .command('list')
    .description('labels, ids and heads')
    .action(async (_options, command: Command) => {
      const { listChains } = await import('./commands/chain.ts')
      await listChains(common(command))
    })
  chain
    .command('info [label]')
    .description('rules, validators, and what it tolerates')
    .action(async (label, _options, command: Command) => {
      const { chainInfo } = await import('./commands/chain.ts')
      await chainInfo(common(command), label)
    })
  chain
    .command('block [height]')
    .description('one final block, by height or digest; without either, the head')
    .option('--chain <label>')
    .action(async (which, options, command: Command) => {
      const { chainBlock } = await import('./commands/chain.ts')
      await chainBlock(common(command), which, options)
    })
  chain
    .command('verify [label]')
    .description('verify and re-execute everything on the disk, by the running daemon or, without one, here')
    .option('--timeout <seconds>', 'give up after this', seconds)
    .action(async (label, options, command: Command) => {
      const { verifyChains } = await import('./commands/chain.ts')
      setExit(await verifyChains(common(command), label, options))
    })
}

function addAudit(program: Command, setExit: (code: ExitCode) => void): void {
  const audit = program.command('audit').description('the local log of calls that changed or read something')
  audit
    .command('verify [file]')
    .description('check that no line was altered, moved or taken out; without a file: of this home')
    .addHelpText('after', example('wardline audit verify /backup/audit.log'))
    .action(async (file, _options, command: Command) => {
      const { verifyAudit } = await import('./commands/audit.ts')
      setExit(await verifyAudit(common(command), file))
    })
}

function withWaiting(command: Command): Command {
  return command
    .option('--chain <label>')
    .addOption(
      new Option('--wait <for>', 'accepted: it is on this disk; final: so is its block').choices(['accepted', 'final'])
    )
    .option('--timeout <seconds>', 'how long to wait; what was accepted stays accepted', seconds)
    .option('--receipt <file>', 'write the receipt there, once final')
    .option('--actor <who>', 'who asks, for the local log')
}

/** The options of a command with those of the whole program. */
function common(command: Command): Common {
  return command.optsWithGlobals()
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 600)) throw new InvalidArgumentError('It must be a number of seconds up to 600.')
  return value
}

function count(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

function example(line: string): string {
  return `\nExample:\n  $ ${line}`
}
