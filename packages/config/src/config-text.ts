/** Writes `wardline.yaml`: made once by `init`, then changed one key at a time so that comments survive. Pure. */
import { isMap, parseDocument, stringify } from 'yaml'

/** The first config file of a home. */
export function initialConfigText(settings: {
  readonly name: string
  readonly runFolder?: string
  readonly passphraseFile?: string
}): string {
  const lines = [
    '# Settings of this hospital. Flags and WARDLINE_* variables go before this file; see `wardline config show --origin`.',
    '# The display name that other hospitals see.',
    stringify({ name: settings.name }).trimEnd()
  ]
  if (settings.runFolder !== undefined) {
    lines.push('# Where the control sockets are.', stringify({ runFolder: settings.runFolder }).trimEnd())
  }
  if (settings.passphraseFile !== undefined) {
    lines.push('# What opens the key files.', stringify({ passphraseFile: settings.passphraseFile }).trimEnd())
  }
  lines.push('# Chains by label; `wardline id export --chain LABEL` adds one.', 'chains: {}', '')
  return lines.join('\n')
}

/** `text` with this chain added. `text` must be a config file that `parseConfig` accepts. */
export function withChain(
  text: string,
  label: string,
  chain: { readonly listen: string; readonly announce?: readonly string[] | undefined }
): string {
  const document = parseDocument(text)
  if (!isMap(document.get('chains'))) document.set('chains', document.createNode({}))
  const { listen, announce } = chain
  document.setIn(['chains', label], document.createNode({ listen, ...(announce !== undefined && { announce }) }))
  const chains = document.get('chains')
  if (isMap(chains)) chains.flow = false
  return document.toString({ lineWidth: 0 })
}

/** `text` without this chain, or as it is if it has none. `text` must be a config file that `parseConfig` accepts. */
export function withoutChain(text: string, label: string): string {
  const document = parseDocument(text)
  if (!document.hasIn(['chains', label])) return text
  document.deleteIn(['chains', label])
  const chains = document.get('chains')
  if (isMap(chains)) chains.flow = chains.items.length === 0
  return document.toString({ lineWidth: 0 })
}
