/** Makes a home. What an interrupted run left is used, never replaced; the config file is written last and marks a whole home. */
import { randomBytes } from 'node:crypto'
import { homePaths, initialConfigText } from '@wardline/config'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { makeFolder, readTextIfPresent, writeNew } from '../files.ts'
import { ensureIdentity, openKeys } from '../keys.ts'
import { type Common, emit, say } from '../output.ts'
import { settingsOf } from '../settings.ts'

export async function init(common: Common): Promise<void> {
  const settings = await settingsOf(common)
  const { config, origins } = settings
  const paths = homePaths(config.home)
  if ((await readTextIfPresent(paths.config)) !== undefined) {
    throw new CommandFailure(
      EXIT.error,
      'already-initialised',
      `${config.home} is a home already; nothing was changed.`
    )
  }
  if (config.name === '') throw usage('Give the name that other hospitals shall see: --name "Our Hospital".')
  await makeFolder(paths.home, 0o700)
  const ownPassphrase = config.passphraseFile === paths.passphrase
  if (ownPassphrase && (await readTextIfPresent(paths.passphrase)) === undefined) {
    await writeNew(paths.passphrase, `${randomBytes(32).toString('base64url')}\n`, 0o600)
  }
  const identity = await ensureIdentity(await openKeys(settings))
  const text = initialConfigText({
    name: config.name,
    ...(origins['runFolder'] !== 'default' && { runFolder: config.runFolder }),
    ...(origins['passphraseFile'] !== 'default' && { passphraseFile: config.passphraseFile })
  })
  await writeNew(paths.config, text)
  const made = {
    home: config.home,
    name: config.name,
    identity: identity.publicKey,
    config: paths.config,
    passphraseFile: config.passphraseFile
  }
  emit(common, made, () => `${config.home}\n`)
  if (common.json) return
  say(`This is the home of ${config.name} now.
Keep a copy of ${paths.keys} and, in another place, of ${config.passphraseFile}: either is useless without the other, and lost keys cannot be made again.
Next: wardline id export --chain LABEL --out OUR.card`)
}
