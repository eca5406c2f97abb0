/** One call of the program: parse, run, and turn what went wrong into a line on standard error and an exit code. */
import { CommanderError } from 'commander'
import { describeFailure, EXIT, type ExitCode } from './exit.ts'
import { say } from './output.ts'
import { buildProgram } from './program.ts'

export async function run(args: readonly string[]): Promise<ExitCode> {
  // A reader that has seen enough, such as `head`, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  let exit: ExitCode = EXIT.ok
  const program = buildProgram((code) => {
    exit = code
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    const { exit: code, ...failure } = describeFailure(error)
    say(program.opts()['json'] ? JSON.stringify({ error: failure }) : `wardline: ${failure.message}`)
    return code
  }
}
