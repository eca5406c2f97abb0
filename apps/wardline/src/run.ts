/** One call of the program: parse, run, and turn what went wrong into a line on standard error and an exit code. */
import { type Command, CommanderError } from 'commander'
import { describeFailure, EXIT, type ExitCode } from './exit.ts'
import { say } from './output.ts'
import { buildProgram } from './program.ts'

export async function run(args: readonly string[]): Promise<ExitCode> {
  // A reader that has seen enough, such as `head`, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  let exit: ExitCode = EXIT.ok
  const isJson = args.includes('--json')
  const program = buildProgram((code) => {
    exit = code
  })
  // What the parser has to say about a wrong call is an error like any other; help stays text.
  if (isJson) quieten(program)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok
      if (isJson) say(JSON.stringify({ error: { code: 'usage', message: usageMessage(error) } }))
      return EXIT.usage
    }
    const { exit: code, ...failure } = describeFailure(error)
    say(isJson ? JSON.stringify({ error: failure }) : `wardline: ${failure.message}`)
    return code
  }
}

function usageMessage({ code, message }: CommanderError): string {
  return code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '')
}

function quieten(command: Command): void {
  command.configureOutput({ writeErr: () => {} })
  for (const sub of command.commands) quieten(sub)
}
