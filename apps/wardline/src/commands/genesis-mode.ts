/** What a chain is for, on the command line and in words: its mode, and the fence of a DSS chain. */
import { limits } from '@wardline/codec'
import {
  EXCLUDED_LABELS_BY_DEFAULT,
  type Fence,
  type Genesis,
  type GenesisMode,
  isExcludableLabel
} from '@wardline/ledger'
import { usage } from '../exit.ts'
import { printable } from '../output.ts'

export type ModeOptions = {
  readonly mode: string
  readonly purpose?: string
  readonly legalBasis?: string
  readonly retentionYears?: string
  readonly contact?: string
  readonly excludeLabel: readonly string[]
}

const NAMES: Readonly<Record<Genesis['mode'], string>> = {
  DSS: 'records shared in an alliance (DSS)',
  STT: 'secure transmission and tracking (STT)',
  SPV: 'anchored records, released by the patients’ grants (SPV)'
}

const PURPOSE = 'treatment of patients whom more than one of these hospitals sees'
const LEGAL_BASIS = 'provision of health care, GDPR art. 9(2)(h)'
const RETENTION_YEARS = 10
/** In place of a label: exclude none. */
const NO_LABEL = 'none'

/** @param drafter the hospital that drafts, whom patients ask if nothing else is said. @throws a usage failure */
export function modeOf(options: ModeOptions, drafter: string): GenesisMode {
  switch (options.mode) {
    case 'dss':
      return { mode: 'DSS', fence: fenceOf(options, drafter) }
    case 'stt':
    case 'spv': {
      const { purpose, legalBasis, retentionYears, contact, excludeLabel } = options
      if (excludeLabel.length > 0 || [purpose, legalBasis, retentionYears, contact].some((one) => one !== undefined)) {
        throw usage(
          '--purpose, --legal-basis, --retention-years, --contact and --exclude-label are the fence of --mode dss.'
        )
      }
      return { mode: options.mode === 'stt' ? 'STT' : 'SPV' }
    }
    default:
      throw usage('--mode must be dss, stt or spv.')
  }
}

/** `Chain LABEL: what its mode is`, for people. */
export function modeName({ mode }: Genesis): string {
  return NAMES[mode]
}

/** What the mode asks of those who sign: the fence line by line, or how grants are disclosed. */
export function modeLines({ fence, disclosure }: Genesis): readonly string[] {
  if (fence !== null) {
    const { purpose, legalBasis, retentionYears, contact, excludedLabels } = fence
    return [
      `Purpose      ${printable(purpose)}`,
      `Legal basis  ${printable(legalBasis)}`,
      `Retention    ${retentionYears} ${retentionYears === 1 ? 'year' : 'years'}`,
      `Contact      ${printable(contact)}`,
      `Excluded     ${excludedLabels.length === 0 ? 'no label' : `records labelled ${excludedLabels.join(', ')}`}`
    ]
  }
  return disclosure === null ? [] : ['Disclosure   open: every member can read to whom a patient grants what']
}

function fenceOf(options: ModeOptions, drafter: string): Fence {
  return {
    purpose: words('--purpose', options.purpose ?? PURPOSE),
    legalBasis: words('--legal-basis', options.legalBasis ?? LEGAL_BASIS),
    retentionYears: years(options.retentionYears ?? String(RETENTION_YEARS)),
    contact: words('--contact', options.contact ?? drafter),
    excludedLabels: labels(options.excludeLabel)
  }
}

function words(option: string, text: string): string {
  if (text.trim() === '' || Buffer.byteLength(text) > limits.fenceTextBytesMax || printable(text) !== text) {
    throw usage(`${option} must be one line of 1 to ${limits.fenceTextBytesMax} bytes.`)
  }
  return text
}

function years(text: string): number {
  const value = Number(text)
  if (/^\d{1,3}$/.test(text) && value >= 1 && value <= limits.retentionYearsMax) return value
  throw usage(`--retention-years must be a whole number from 1 to ${limits.retentionYearsMax}.`)
}

function labels(given: readonly string[]): readonly string[] {
  if (given.length === 0) return EXCLUDED_LABELS_BY_DEFAULT
  if (given.length === 1 && given[0] === NO_LABEL) return []
  const wrong = given.find((label) => !isExcludableLabel(label) || label === NO_LABEL)
  if (wrong !== undefined) {
    throw usage(
      `--exclude-label must be 1 to 64 lower-case letters, digits and hyphens, or "${NO_LABEL}" alone: ${wrong}`
    )
  }
  const distinct = [...new Set(given)].sort()
  if (distinct.length > limits.excludedLabelsMax)
    throw usage(`--exclude-label can be given at most ${limits.excludedLabelsMax} times.`)
  return distinct
}
