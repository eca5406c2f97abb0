/** Shows the settings as they hold. */
import { type Common, emit, table } from '../output.ts'
import { settingsOf } from '../settings.ts'

export async function showConfig(common: Common, options: { readonly origin?: boolean }): Promise<void> {
  const { config, origins, file } = await settingsOf(common)
  const { chains, ...plain } = config
  const rows: [string, string][] = Object.entries(plain)
  for (const [label, chain] of Object.entries(chains)) {
    rows.push([`chains.${label}.listen`, chain.listen])
    rows.push([`chains.${label}.announce`, chain.announce.join(' ')])
    rows.push([`chains.${label}.genesis`, chain.genesis])
    rows.push([`chains.${label}.pin`, chain.pin === null ? '' : `${chain.pin.height}:${chain.pin.digest}`])
    rows.push([`chains.${label}.acknowledge`, chain.acknowledge])
  }
  const text = options.origin
    ? await table(
        ['setting', 'value', 'origin'],
        rows.map(([name, value]) => [name, value, origins[name]])
      )
    : await table(['setting', 'value'], rows)
  emit(common, { file, config, ...(options.origin && { origins }) }, () => text)
}
