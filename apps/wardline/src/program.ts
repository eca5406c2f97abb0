/** The commands, their options and their help. What they do is in `commands/`, loaded when one runs. */

import type { Basis, Purpose, StaffRole, ValidatorAction } from '@wardline/ledger'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import type { Term as ConsentTerm } from './commands/consent.ts'
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
  addValidators(program)
  addWallet(program)
  addRecords(program, setExit)
  addConsents(program)
  addPatients(program)
  addGrants(program)
  addTransactions(program)
  addChains(program, setExit)
  addAudit(program, setExit)
  addEvidence(program)
  program
    .command('verify <receipt>')
    .description(
      'verify a receipt, of a transaction or of a trace, offline, with nothing but the genesis, and tell what it says'
    )
    .requiredOption('--genesis <file>', 'the genesis that you trust')
    .option('--pin <height:digest>', 'a block that you know to be final; the receipt must lie on its chain')
    .option(
      '--envelope <file>',
      'of a trace: the sealed envelope of one of its hand-offs ("wardline record envelope"), to judge claimed mismatches by; the exit code is 0 whatever they come to'
    )
    .option(
      '--file <file>',
      'of an anchored record: the file to hold against what was anchored (- is standard input); the exit code is 4 if it is another one'
    )
    .option('--proof <file>', 'with --file: what `record anchor` or `record request` wrote; left out: FILE.wardline')
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
    .option(
      '--mode <mode>',
      'dss: share records, stt: send and track them, spv: anchor visits, the patient grants',
      'stt'
    )
    .option('--purpose <text>', 'dss: why the hospitals share; left out: treatment')
    .option('--legal-basis <text>', 'dss: on which basis; left out: provision of health care')
    .option('--retention-years <years>', 'dss: how long records are kept; left out: 10')
    .option('--contact <text>', 'dss: whom a patient asks; left out: this hospital')
    .option(
      '--exclude-label <label>',
      'dss: records with it are refused, repeatable, or "none"; left out: hiv, psychotherapy, sexual-health, substance-use',
      collect,
      []
    )
    .option('--registrar <card>', 'who admits and expels hospitals; left out: this hospital')
    .option('--parameter <name=value>', 'a rule other than the default, repeatable', collect, [])
    .requiredOption('--out <file>', 'where to write it')
    .addHelpText(
      'after',
      example('wardline genesis draft a.card b.card c.card d.card --chain transfers --mode stt --out genesis.json')
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
    .command('follow <topic>')
    .description('blocks, handoffs, accesses or alerts as they come, one line each, until interrupted')
    .option('--chain <label>')
    .option(
      '--from <height>',
      'the last height that was seen: everything above it is told first; left out: the head',
      count
    )
    .option('--actor <text>', 'who asks, for the local log')
    .addHelpText(
      'after',
      `
When the daemon goes away it is tried again, and goes on above the last height that was told. With --json a line holds all
events of a height, and its height is what to pass as --from another time; one without events only says how far the search
has come.
${example('wardline follow handoffs --from 120 --json')}`
    )
    .action(async (topic, options, command: Command) => {
      const { follow } = await import('./commands/follow.ts')
      await follow(common(command), topic, options)
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
  withWaiting(member.command('create <name>'))
    .description('make the keys of a member of staff, keep them in this hospital, and register the person')
    .addOption(new Option('--role <role>', 'what the person is').choices(STAFF).default('doctor'))
    .option('--attribute <code>', 'repeatable', collect, [])
    .option('--reference <text>', 'what the hospital’s own systems call the person; the same again does no harm')
    .option('--until <time>', 'end of the registration, such as 2027-12-31T00:00:00Z')
    .addHelpText('after', example('wardline member create "Dr. Ada Roe" --reference practitioner-17'))
    .action(async (name, options, command: Command) => {
      const { createPerson } = await import('./commands/staff.ts')
      await createPerson(common(command), name, options)
    })
  member
    .command('import <file>')
    .description('register the active Practitioners of FHIR JSON (a Bundle, a resource, or one on each line) as staff')
    .option('--chain <label>')
    .addOption(new Option('--role <role>', 'what they are').choices(STAFF).default('doctor'))
    .option('--attribute <code>', 'repeatable', collect, [])
    .option('--timeout <seconds>', 'how long to wait for each; what was accepted stays accepted', seconds)
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline member import practitioners.ndjson --chain alliance'))
    .action(async (file, options, command: Command) => {
      const { importPersons } = await import('./commands/staff.ts')
      await importPersons(common(command), file, options)
    })
  withWaiting(member.command('revoke <member>'))
    .description('end a membership; by id or unique name')
    .action(async (name, options, command: Command) => {
      const { revokeMember } = await import('./commands/member.ts')
      await revokeMember(common(command), name, options)
    })
  withWaiting(member.command('rotate'))
    .description('give this hospital a new sealing key on a chain; it is in force once the genesis delay has passed')
    .addHelpText('after', example('wardline member rotate --chain region'))
    .action(async (options, command: Command) => {
      const { rotateSealKey } = await import('./commands/member.ts')
      await rotateSealKey(common(command), options)
    })
  withWaiting(member.command('veto [member]'))
    .description('take back keys that a member announced (left out: this hospital), before they are in force')
    .action(async (name, options, command: Command) => {
      const { vetoKeys } = await import('./commands/member.ts')
      await vetoKeys(common(command), name, options)
    })
}

function addValidators(program: Command): void {
  const validator = program
    .command('validator')
    .description('who votes on a chain: list, propose a change, review, approve, submit')
  validator
    .command('list')
    .option('--chain <label>')
    .description('the validators, and what the chain stands')
    .action(async (options, command: Command) => {
      const { listValidators } = await import('./commands/validator.ts')
      await listValidators(common(command), options)
    })
  validator
    .command('propose')
    .description('draft a change: a vote for this hospital, a new key for its vote, or no vote any more for a member')
    .addArgument(new Argument('<action>', 'what changes').choices(VALIDATOR_CHANGES))
    .option('--chain <label>')
    .option('--member <member>', 'with remove: whose vote, by id or unique name; left out: that of this hospital')
    .option('--expires <time>', 'when approvals become void; left out: in seven days')
    .requiredOption('--out <file>', 'write the draft there, for the other hospitals')
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline validator propose add --chain transfers --out mercy.change'))
    .action(async (action, options, command: Command) => {
      const { propose } = await import('./commands/validator.ts')
      await propose(common(command), action, options)
    })
  validator
    .command('review <draft>')
    .option('--chain <label>')
    .description('what a draft would change, and whether anything is against it')
    .action(async (draft, options, command: Command) => {
      const { review } = await import('./commands/validator.ts')
      await review(common(command), draft, options)
    })
  validator
    .command('approve <draft>')
    .description('approve a draft with the vote key of this hospital')
    .option('--chain <label>')
    .option('--fingerprint <digits>', 'approve only what has this fingerprint')
    .requiredOption('--out <file>', 'write the approval there, for who submits the change')
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline validator approve mercy.change --out baystate.approval'))
    .action(async (draft, options, command: Command) => {
      const { approve } = await import('./commands/validator.ts')
      await approve(common(command), draft, options)
    })
  withWaiting(validator.command('submit <draft> <approvals...>'))
    .description('submit a change with the approvals of a quorum; the validators are others from the next block on')
    .addHelpText('after', example('wardline validator submit mercy.change baystate.approval chase.approval'))
    .action(async (draft, approvals, options, command: Command) => {
      const { submitChange } = await import('./commands/validator.ts')
      await submitChange(common(command), draft, approvals, options)
    })
}

function addWallet(program: Command): void {
  const wallet = program
    .command('wallet')
    .description('a patient’s own wallet: aliases, enrolments and grants that a hospital sponsors')
  const own = (command: Command) =>
    command.option('--wallet-passphrase-file <file>', 'what opens the wallet; left out: its name with .passphrase')
  const acting = (command: Command) =>
    withWaiting(own(command)).option('--genesis <file>', 'act only if the daemon’s chain is the one of this genesis')
  own(wallet.command('create <wallet>'))
    .description('make a new wallet, and a passphrase file unless there is one')
    .addHelpText('after', example('wardline wallet create ada.wallet'))
    .action(async (file, options, command: Command) => {
      const { createWalletFile } = await import('./commands/wallet.ts')
      await createWalletFile(common(command), file, options)
    })
  own(wallet.command('show <wallet>'))
    .description('the aliases of a wallet')
    .action(async (file, options, command: Command) => {
      const { showWallet } = await import('./commands/wallet.ts')
      await showWallet(common(command), file, options)
    })
  acting(wallet.command('alias <wallet>'))
    .description('make the alias for this hospital or alliance, and open it where hospitals own aliases')
    .option('--new', 'another one, which nobody can link to the one before')
    .addHelpText('after', example('wardline wallet alias ada.wallet --chain permissions'))
    .action(async (file, options, command: Command) => {
      const { makeAlias } = await import('./commands/wallet.ts')
      await makeAlias(common(command), file, options)
    })
  acting(wallet.command('enrol <wallet>'))
    .description('agree to being on record in an alliance; the newest word counts')
    .option('--until <time>', 'end of the enrolment, such as 2027-12-31T00:00:00Z; left out: in a year')
    .addOption(new Option('--basis <code>', 'on what ground').choices(BASES).default('consent'))
    .option('--alias <alias>', 'enrol this one of the wallet; left out: the newest')
    .action(async (file, options, command: Command) => {
      const { enrol } = await import('./commands/wallet.ts')
      await enrol(common(command), file, options)
    })
  acting(wallet.command('withdraw <wallet>'))
    .description('end the enrolment of every alias that is enrolled, one after the other')
    .option('--alias <alias>', 'only of this one')
    .addHelpText(
      'after',
      `
The hospital that is asked for several at once may conclude that they are one patient’s. With --alias, each at another time or
at another hospital, it does not.
${example('wardline wallet withdraw ada.wallet --chain alliance')}`
    )
    .action(async (file, options, command: Command) => {
      const { withdraw } = await import('./commands/wallet.ts')
      await withdraw(common(command), file, options)
    })
  withTerms(acting(wallet.command('grant <wallet>')))
    .description('permit somebody to read records that a hospital has anchored')
    .option('--hospital <member>', 'whose records, by id or unique name; left out: those of the hospital that is asked')
    .option('--alias <alias>', 'of this one of the wallet’s aliases; left out: the newest at that hospital')
    .addHelpText('after', example('wardline wallet grant ada.wallet --to "Mercy Medical Center" --purpose treatment'))
    .action(async (file, options, command: Command) => {
      const { grant } = await import('./commands/wallet.ts')
      await grant(common(command), file, options)
    })
  own(wallet.command('grants <wallet>'))
    .description('what all aliases of a wallet have granted, newest first, without what ended long ago')
    .option('--chain <label>', 'only on this chain')
    .addHelpText('after', example('wardline wallet grants ada.wallet'))
    .action(async (file, options, command: Command) => {
      const { showGrants } = await import('./commands/wallet-grants.ts')
      await showGrants(common(command), file, options)
    })
  acting(wallet.command('revoke <wallet> <grant>'))
    .description('take a grant back, by the alias that made it; any hospital will do')
    .addHelpText('after', example('wardline wallet revoke ada.wallet 9f3c… --chain permissions'))
    .action(async (file, id, options, command: Command) => {
      const { revoke } = await import('./commands/wallet.ts')
      await revoke(common(command), file, id, options)
    })
  own(wallet.command('recall-key <wallet>'))
    .description('give out a key for one record: who sends the record names it, and this wallet can call it back')
    .option('--chain <label>')
    .option('--genesis <file>', 'act only if the daemon’s chain is the one of this genesis')
    .addHelpText('after', example('wardline wallet recall-key ada.wallet --chain transfers'))
    .action(async (file, options, command: Command) => {
      const { giveRecallKey } = await import('./commands/wallet.ts')
      await giveRecallKey(common(command), file, options)
    })
  acting(wallet.command('recall <wallet> <record>'))
    .description('call a record back that was sent with a key of this wallet; any hospital will do')
    .action(async (file, id, options, command: Command) => {
      const { recall } = await import('./commands/wallet.ts')
      await recall(common(command), file, id, options)
    })
  own(wallet.command('log <wallet>'))
    .description('what happened on all the aliases of a wallet, newest first; joined here and nowhere else')
    .option('--chain <label>', 'only on this chain')
    .option('--limit <count>', 'at most this many of each alias; left out: 100', count)
    .action(async (file, options, command: Command) => {
      const { showLog } = await import('./commands/wallet-log.ts')
      await showLog(common(command), file, options)
    })
}

function addRecords(program: Command, setExit: (code: ExitCode) => void): void {
  const record = program.command('record').description('send, publish, anchor, request, open and trace records')
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
    .option('--consent <hash>', 'names the consent of the patient, 64 hex digits, as the hospitals agreed on')
    .option('--recall-key <key>', 'the key with which the patient may call a new record back (wallet recall-key)')
    .addHelpText(
      'after',
      example('wardline record send visit.json --to "Mercy Medical Center" --media-type application/fhir+json')
    )
    .action(async (file, options, command: Command) => {
      const { sendRecord } = await import('./commands/record.ts')
      await sendRecord(common(command), file, options)
    })
  withWaiting(record.command('recall <record>'))
    .description('call a record of this hospital back, for good: every hospital that has it destroys it and says so')
    .addHelpText('after', example('wardline record recall 5be1…'))
    .action(async (id, options, command: Command) => {
      const { recallRecord } = await import('./commands/record.ts')
      await recallRecord(common(command), id, options)
    })
  record
    .command('pending')
    .description('what was sent to this hospital and is not acknowledged yet, and how its daemon found it')
    .option('--chain <label>')
    .option('--limit <count>', 'at most this many', count)
    .option('--after <transmission>', 'the rest of an earlier answer')
    .action(async (options, command: Command) => {
      const { listPending } = await import('./commands/record.ts')
      await listPending(common(command), options)
    })
  record
    .command('ack <transmission>')
    .description('acknowledge a transmission as the daemon finds it, or refuse it; final, and the first word counts')
    .option('--chain <label>')
    .option('--refuse', 'refuse the record, whatever is in the envelope')
    .option(
      '--reveal',
      'with a mismatch: reveal the content key, so that whoever has the envelope can read and check it'
    )
    .option('--timeout <seconds>', 'give up after this; what is on its way stays so', seconds)
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline record ack 5be1… --chain region'))
    .action(async (id, options, command: Command) => {
      const { acknowledge } = await import('./commands/record.ts')
      await acknowledge(common(command), id, options)
    })
  record
    .command('open [record]')
    .description('the exact bytes of a record that is here, checked against the chain, to standard output')
    .option('--chain <label>')
    .option('--via <transmission>', 'the copy that came by this transmission')
    .option('--transaction <id>', 'in an alliance: the version that this transaction wrote')
    .option('--purpose <code>', 'in an alliance: why it is read, for everybody to see; left out: treatment')
    .option('--reader <member>', 'in an alliance: the member of staff who reads, by id or unique name')
    .option('--actor <who>', 'who asks, for the local log')
    .option('--out <file>', 'write there instead; never over another file')
    .option('--timeout <seconds>', 'give up after this', seconds)
    .action(async (id, options, command: Command) => {
      const { openRecord } = await import('./commands/record.ts')
      await openRecord(common(command), id, options)
    })
  record
    .command('envelope <transmission>')
    .description(
      'the sealed envelope of a transmission that this hospital sent or was sent, to standard output, for "wardline verify --envelope"; whoever also has a content key that a receiver revealed can read the record'
    )
    .option('--chain <label>')
    .option('--actor <who>', 'who asks, for the local log')
    .option('--out <file>', 'write there instead; never over another file')
    .option('--timeout <seconds>', 'give up after this', seconds)
    .addHelpText('after', example('wardline record envelope 9f3c… --out envelope.bin'))
    .action(async (via, options, command: Command) => {
      const { writeEnvelope } = await import('./commands/record.ts')
      await writeEnvelope(common(command), via, options)
    })
  withContent(withWaiting(record.command('publish <file>')))
    .description('write a record of a patient for the whole alliance (- is standard input)')
    .option('--alias <alias>', 'the patient, by alias')
    .option('--patient <reference>', 'the patient, as this hospital calls it')
    .addHelpText('after', example('wardline record publish visit.json --patient 4711 --doctor "Dr. Gregory Chase"'))
    .action(async (file, options, command: Command) => {
      const { publishRecord } = await import('./commands/shared-record.ts')
      await publishRecord(common(command), file, options)
    })
  withContent(withWaiting(record.command('amend <record> <file>')))
    .description('write a new version of a record of this hospital')
    .option('--supersedes <transaction>', 'the version that was read; left out: the newest')
    .action(async (id, file, options, command: Command) => {
      const { amendRecord } = await import('./commands/shared-record.ts')
      await amendRecord(common(command), id, file, options)
    })
  withDescriptor(withWaiting(record.command('anchor <file>')))
    .description('keep a record of a patient in this hospital and commit to it on the chain (- is standard input)')
    .option('--alias <alias>', 'the patient, by alias')
    .option('--patient <reference>', 'the patient, as this hospital calls it; `patient open` comes first')
    .option('--no-proof', 'do not write FILE.wardline, with which `record verify` holds the file against the chain')
    .addHelpText(
      'after',
      example('wardline record anchor visit.json --patient 4711 --media-type application/fhir+json')
    )
    .action(async (file, options, command: Command) => {
      const { anchorRecord } = await import('./commands/anchored.ts')
      await anchorRecord(common(command), file, options)
    })
  record
    .command('request <record...>')
    .description('ask the hospital that anchored them for records; the answer is on the chain, a denial too (exit 5)')
    .requiredOption('--owner <hospital>', 'who anchored them, by id or unique name')
    .requiredOption('--alias <alias>', 'the patient, by alias')
    .option('--chain <label>')
    .addOption(new Option('--purpose <code>', 'why, for everybody to see; left out: treatment').choices(PURPOSES))
    .option('--accessor <member>', 'the member of staff who asks, by id or unique name; left out: this hospital')
    .option('--out <folder>', 'write each record there, with its .wardline beside it; left out: the current folder')
    .option('--timeout <seconds>', 'give up after this', seconds)
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText(
      'after',
      example('wardline record request 5be1… --owner "Mercy Medical Center" --alias 9f3c… --out came')
    )
    .action(async (records, options, command: Command) => {
      const { requestRecords } = await import('./commands/anchored.ts')
      setExit(await requestRecords(common(command), records, options))
    })
  record
    .command('verify <file>')
    .description('hold a file against what its owner has anchored (- is standard input)')
    .option('--proof <file>', 'what `record anchor` or `record request` wrote; left out: FILE.wardline')
    .addHelpText('after', example('wardline record verify visit.json'))
    .action(async (file, options, command: Command) => {
      const { verifyRecord } = await import('./commands/anchored.ts')
      setExit(await verifyRecord(common(command), file, options))
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
    .option('--proof <file>', 'instead write what proves the hand-offs offline, to this new file')
    .option('--to <member>', 'with --proof: only the path to this holder, by id or unique name')
    .option('--anchor <height>', 'with --proof: a height that the receiver of the file has pinned', count)
    .addHelpText('after', example('wardline record trace 5be1… --proof trace.json'))
    .action(async (id, options, command: Command) => {
      const { traceRecord } = await import('./commands/custody.ts')
      await traceRecord(common(command), id, options)
    })
  addCustody(record)
}

function addCustody(record: Command): void {
  record
    .command('draw <record>')
    .description('the custody of a record as a picture, or for another program')
    .addOption(
      new Option(
        '--format <format>',
        'text and ascii for a terminal; svg with lanes; graph as nodes and links, an SVG too'
      )
        .choices(['text', 'ascii', 'svg', 'graph', 'dot', 'graphml', 'mermaid', 'json', 'csv', 'prov'])
        .default('text')
    )
    .option('--out <file>', 'write it to this new file; left out: standard output')
    .option('--chain <label>')
    .option('--from <time>', 'hand-offs from this block time on')
    .option('--to <time>', 'hand-offs before this block time')
    .option('--hospital <member>', 'sent or received by this one, repeatable', collect)
    .option('--state <state>', 'in this state, repeatable', collect)
    .option('--max <count>', 'the newest so many', count)
    .addHelpText('after', example('wardline record draw 5be1… --format svg --out custody.svg'))
    .action(async (id, options, command: Command) => {
      const { drawRecord } = await import('./commands/custody.ts')
      await drawRecord(common(command), id, options)
    })
  withPage(record.command('holders <record>'))
    .description('who holds a record, and since when')
    .option('--at <time>', 'by block time, such as 2026-11-20T12:00:00Z; left out: now')
    .option('--height <height>', 'after the block of this height; left out: now', count)
    .action(async (id, options, command: Command) => {
      const { listHolders } = await import('./commands/custody.ts')
      await listHolders(common(command), id, options)
    })
  record
    .command('path <record>')
    .description('how a record came to a holder, from its origin on')
    .requiredOption('--to <member>', 'the holder, by id or unique name')
    .option('--chain <label>')
    .action(async (id, options, command: Command) => {
      const { showPath } = await import('./commands/custody.ts')
      await showPath(common(command), id, options)
    })
  withPage(record.command('downstream <record>'))
    .description('every hand-off that came from what a member sent of a record')
    .requiredOption('--from <member>', 'the member, by id or unique name')
    .action(async (id, options, command: Command) => {
      const { listDownstream } = await import('./commands/custody.ts')
      await listDownstream(common(command), id, options)
    })
  withPage(record.command('handoffs [record]'))
    .description('the hand-offs of a record; or of all records, between two hospitals or in a state')
    .option(
      '--state <state>',
      'sent (not acknowledged), opened, mismatch, broken-path, refused, lost-key; of all records also recalled, unattested',
      collect
    )
    .option('--without-consent', 'those that name no consent')
    .option('--invalid-consent', 'those whose consent was invalid then, by what is noted here (consent note)')
    .option('--consent <hash>', 'of all records: those that name this consent, whatever is noted of it')
    .option('--from <member>', 'of all records: from this hospital')
    .option('--to <member>', 'of all records: to this hospital')
    .option('--since <time>', 'with --from and --to: from this block time on')
    .option('--until <time>', 'with --from and --to: before this block time')
    .option(
      '--member <member>',
      'with --state, --without-consent, --invalid-consent or --consent: only what this member sent or was sent'
    )
    .addHelpText('after', example('wardline record handoffs --state sent --member "Mercy Medical Center"'))
    .action(async (id, options, command: Command) => {
      const { listHandOffs } = await import('./commands/custody.ts')
      await listHandOffs(common(command), id, options)
    })
  record
    .command('ancestor <record> <member> <member>')
    .description('the last copy from which the copies of two holders both come')
    .option('--chain <label>')
    .action(async (id, one, other, options, command: Command) => {
      const { showAncestor } = await import('./commands/custody.ts')
      await showAncestor(common(command), id, [one, other], options)
    })
  withPage(record.command('held [member]'))
    .description('the records that a member holds; left out: this hospital')
    .action(async (member, options, command: Command) => {
      const { listHeld } = await import('./commands/custody.ts')
      await listHeld(common(command), member, options)
    })
}

function withPage(command: Command): Command {
  return command
    .option('--chain <label>')
    .option('--limit <count>', 'at most this many', count)
    .option('--after <cursor>', 'continue after the `next` of the last answer')
}

function addConsents(program: Command): void {
  const consent = program
    .command('consent')
    .description('what this hospital knows of the consents that hand-offs name; it stays here')
  consent
    .command('note <hash>')
    .description('note terms of a consent; those that are left out stay as they were noted before, or open')
    .option('--from <time>', 'hand-offs are covered from this block time on; open: from ever')
    .option('--until <time>', 'hand-offs are covered before this block time; open: without end')
    .option('--withdrawn <time>', 'from this block time on it was withdrawn; open: it was not')
    .option('--note <text>', 'for people, up to 200 bytes')
    .addOption(new Option('--clear <term...>', 'take back what was noted of these terms').choices(CONSENT_TERMS))
    .option('--chain <label>')
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline consent note 9f3c… --from 2026-01-01 --until 2027-01-01'))
    .action(async (hash, options, command: Command) => {
      const { noteConsent } = await import('./commands/consent.ts')
      await noteConsent(common(command), hash, options)
    })
  consent
    .command('remove <hash>')
    .description('keep nothing of a consent any more, which makes room for another')
    .option('--chain <label>')
    .option('--actor <who>', 'who asks, for the local log')
    .action(async (hash, options, command: Command) => {
      const { removeConsent } = await import('./commands/consent.ts')
      await removeConsent(common(command), hash, options)
    })
  withPage(consent.command('list'))
    .description('the consents of which something is noted, by their names, and how each stands at the head')
    .action(async (options, command: Command) => {
      const { listConsents } = await import('./commands/consent.ts')
      await listConsents(common(command), options)
    })
}

function addPatients(program: Command): void {
  const patient = program
    .command('patient')
    .description('patients whose wallet this hospital keeps, and timelines in an alliance')
  withWaiting(patient.command('open <reference>'))
    .description('make a wallet for a patient who has none, and open its alias where hospitals own aliases; once')
    .addHelpText('after', example('wardline patient open 4711 --chain permissions'))
    .action(async (reference, options, command: Command) => {
      const { openPatient } = await import('./commands/patient.ts')
      await openPatient(common(command), reference, options)
    })
  patient
    .command('timeline')
    .description('what the alliance knows of a patient, newest first')
    .option('--chain <label>')
    .option('--alias <alias>', 'the patient, by alias')
    .option('--patient <reference>', 'the patient, as this hospital calls it')
    .option('--kind <kind>', 'enrol, withdraw, record, amend or access, repeatable', collect)
    .option('--hospital <member>', 'only what this hospital wrote or read')
    .option('--doctor <member>', 'only what this doctor signed')
    .option('--record <id>', 'only this record: its versions, and the looks at it')
    .option('--from <time>', 'by block time, such as 2026-11-20T12:00:00Z')
    .option('--to <time>', 'by block time, not included')
    .option('--category <category>', 'only records that say so; this looks into them, and everybody sees that it does')
    .option('--label <label>', 'only records that say so, in the same way')
    .option('--purpose <code>', 'with --category or --label: why, for everybody to see; left out: treatment')
    .option('--reader <member>', 'with --category or --label: the member of staff who reads, by id or unique name')
    .option('--limit <count>', 'at most this many', count)
    .option('--before <cursor>', 'continue after the `next` of the last answer')
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline patient timeline --patient 4711 --kind record --kind amend'))
    .action(async (options, command: Command) => {
      const { patientTimeline } = await import('./commands/patient.ts')
      await patientTimeline(common(command), options)
    })
  withWaiting(patient.command('enrol <reference>'))
    .description('enrol a patient whose wallet this hospital keeps; `patient open` makes one')
    .option('--until <time>', 'the end of it; left out: in a year')
    .option('--basis <code>', 'consent, guardian-consent, care, legal-obligation, vital-interest, public-interest')
    .action(async (reference, options, command: Command) => {
      const { enrolPatient } = await import('./commands/patient.ts')
      await enrolPatient(common(command), reference, options)
    })
  withWaiting(patient.command('withdraw <reference>'))
    .description('end the enrolment of a patient whose wallet this hospital keeps')
    .action(async (reference, options, command: Command) => {
      const { withdrawPatient } = await import('./commands/patient.ts')
      await withdrawPatient(common(command), reference, options)
    })
}

function addGrants(program: Command): void {
  const grant = program.command('grant').description('what patients permit on a permissions chain')
  const ofPatient = (command: Command) =>
    command
      .option('--alias <alias>', 'the patient, by alias')
      .option('--patient <reference>', 'the patient, as this hospital calls it')
  withTerms(ofPatient(withWaiting(grant.command('create'))))
    .description('permit somebody to read records of a patient whose wallet this hospital keeps')
    .addHelpText(
      'after',
      example('wardline grant create --patient 4711 --to "Mercy Medical Center" --purpose treatment')
    )
    .action(async (options, command: Command) => {
      const { createGrant } = await import('./commands/grants.ts')
      await createGrant(common(command), options)
    })
  withPage(ofPatient(grant.command('list')))
    .description('what a patient has granted, without what ended long ago')
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline grant list --patient 4711'))
    .action(async (options, command: Command) => {
      const { listGrants } = await import('./commands/grants.ts')
      await listGrants(common(command), options)
    })
  withWaiting(grant.command('revoke <grant>'))
    .description('take a grant back for a patient whose wallet this hospital keeps')
    .addHelpText('after', example('wardline grant revoke 9f3c…'))
    .action(async (id, options, command: Command) => {
      const { revokeGrant } = await import('./commands/grants.ts')
      await revokeGrant(common(command), id, options)
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
    .command('add <label>')
    .description('take part in another chain, without stopping the daemon')
    .option('--genesis <file>', 'its genesis; left out: the one that is installed')
    .option('--listen <multiaddr>', 'for a chain that was removed: where the daemon listened')
    .option('--address <multiaddr>', 'for a chain that was removed: where the others reach it, repeatable', collect, [])
    .addHelpText('after', example('wardline chain add alliance --genesis alliance.genesis.json'))
    .action(async (label, options, command: Command) => {
      const { addChain } = await import('./commands/chain-changes.ts')
      await addChain(common(command), label, options)
    })
  chain
    .command('remove <label>')
    .description('take part in a chain no more; what lies on the disk stays')
    .action(async (label, _options, command: Command) => {
      const { removeChain } = await import('./commands/chain-changes.ts')
      await removeChain(common(command), label)
    })
  chain
    .command('verify [label]')
    .description(
      'verify and re-execute everything on the disk, of one chain or of all; by the daemon or, without one, here'
    )
    .option('--timeout <seconds>', 'give up after this', seconds)
    .action(async (label, options, command: Command) => {
      const { verifyChains } = await import('./commands/chain.ts')
      setExit(await verifyChains(common(command), label, options))
    })
}

function addAudit(program: Command, setExit: (code: ExitCode) => void): void {
  const audit = program
    .command('audit')
    .description(
      'what the chain knows of a patient, and the local log: calls that changed or read something, and records given to other hospitals'
    )
  audit
    .command('verify [file]')
    .description('check that no line was altered, moved or taken out; without a file: of this home')
    .addHelpText('after', example('wardline audit verify /backup/audit.log'))
    .action(async (file, _options, command: Command) => {
      const { verifyAudit } = await import('./commands/audit.ts')
      setExit(await verifyAudit(common(command), file))
    })
  audit
    .command('patient')
    .description(
      'grants, revocations and what was decided of every access, denied ones too, newest first; whether records were then taken is not on the chain'
    )
    .option('--chain <label>')
    .option('--alias <alias>', 'the patient, by alias')
    .option('--patient <reference>', 'the patient, as this hospital calls it')
    .option('--limit <count>', 'at most this many', count)
    .option('--before <cursor>', 'continue after the `next` of the last answer')
    .option('--actor <who>', 'who asks, for the local log')
    .addHelpText('after', example('wardline audit patient --patient 4711'))
    .action(async (options, command: Command) => {
      const { auditPatient } = await import('./commands/audit.ts')
      await auditPatient(common(command), options)
    })
}

function addEvidence(program: Command): void {
  program
    .command('evidence')
    .description(
      'proofs that a validator signed two votes that exclude each other; of a chain that stopped at a fork see "wardline status"'
    )
    .command('list')
    .description('who, in which view, and whether the chain has recorded it')
    .option('--chain <label>')
    .action(async (options, command: Command) => {
      const { listEvidence } = await import('./commands/evidence.ts')
      await listEvidence(common(command), options)
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

/** The terms of a grant. */
function withTerms(command: Command): Command {
  return command
    .option('--to <member>', 'one member, by id or unique name')
    .option('--to-role <role@hospital>', 'everybody of that role at that hospital')
    .option('--to-expression <json>', 'whoever has these attributes from these authorities')
    .option('--purpose <code>', `for what, repeatable: ${PURPOSES.join(', ')}`, collectPurpose, [])
    .option('--record <id>', 'this record, repeatable; left out: all of them', collect, [])
    .option('--anchored-from <time>', 'only records anchored from then on')
    .option('--anchored-to <time>', 'only records anchored before')
    .option('--from <time>', 'the grant is good from then on; left out: at once')
    .option('--until <time>', 'the grant is good until then; left out: for thirty days')
}

/** The options of what is said about a record, off the chain. */
function withDescriptor(command: Command): Command {
  return command
    .option('--media-type <type>', 'what it is, such as application/fhir+json')
    .option('--category <category>', 'what kind of record, kept with the content')
    .option('--label <label>', 'a label, kept with the content, repeatable; an alliance excludes some', collect)
}

/** The options of what is written for an alliance. */
function withContent(command: Command): Command {
  return withDescriptor(command)
    .requiredOption(
      '--doctor <member>',
      'who signs, by id or unique name, repeatable; this hospital keeps the keys',
      collect
    )
    .option('--after <entry>', 'the newest record entry that the doctors have seen; left out: the newest final one')
}

/** The options of a command with those of the whole program. */
function common(command: Command): Common {
  return command.optsWithGlobals()
}

/** What the ledger and the daemon know; here too, so that help tells them without loading either. */
const VALIDATOR_CHANGES = ['add', 'remove', 'rotate'] as const satisfies readonly ValidatorAction[]
const STAFF = ['doctor', 'nurse', 'privacyOfficer', 'researcher', 'guardian'] as const satisfies readonly StaffRole[]
const BASES = [
  'consent',
  'guardian-consent',
  'care',
  'legal-obligation',
  'vital-interest',
  'public-interest'
] as const satisfies readonly Basis[]
const PURPOSES = [
  'treatment',
  'payment',
  'operations',
  'research',
  'emergency',
  'patient-request',
  'public-health',
  'legal'
] as const satisfies readonly Purpose[]

const CONSENT_TERMS = ['from', 'until', 'withdrawn', 'note'] as const satisfies readonly ConsentTerm[]

function collectPurpose(value: string, before: readonly string[] = []): string[] {
  if ((PURPOSES as readonly string[]).includes(value)) return collect(value, before)
  throw new InvalidArgumentError(`Allowed choices are ${PURPOSES.join(', ')}.`)
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
