/** The repository's own rules, as far as a program can see them. Each test lists every place that breaks its rule. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limitsPage } from './limits-page.ts'
import { blank, importsOf, lineAt } from './source-text.ts'
import { suiteName } from './suite-name.ts'
import { type Package, readImportTable, readPackages, readPureNames, readText, repositoryFiles } from './workspace.ts'

const test = suite('test/tidy')

const files = repositoryFiles()
const packages = readPackages()
const table = readImportTable()
const pure = readPureNames()
const byPublishedName = new Map(packages.map((each) => [each.published, each]))

const sources = files
  .filter((file) => file.endsWith('.ts'))
  .map((file) => {
    const text = readText(file)
    return {
      file,
      text,
      code: blank(text, { strings: true }),
      withStrings: blank(text, { strings: false }),
      imports: importsOf(text),
      owner: packages.find(({ folder }) => file.startsWith(`${folder}/`)),
      isSource: /^(?:packages|apps)\/[^/]+\/src\//.test(file)
    }
  })

/** What a pure package may take from Node: computation only. Every other built-in module is the world. */
const PURE_BUILTINS: Readonly<Record<string, readonly string[] | 'all'>> = {
  'node:assert': 'all',
  'node:buffer': ['Buffer', 'isAscii', 'isUtf8'],
  'node:crypto': [
    'argon2',
    'createCipheriv',
    'createDecipheriv',
    'createHash',
    'createHmac',
    'createPrivateKey',
    'createPublicKey',
    'createSecretKey',
    'diffieHellman',
    'hash',
    'hkdfSync',
    'KeyObject',
    'sign',
    'timingSafeEqual',
    'verify'
  ],
  'node:util': ['promisify', 'TextDecoder', 'TextEncoder', 'types'],
  'node:zlib': ['crc32', 'gunzipSync']
}

const IMPURE_CODE: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['clock', /\bDate\s*\.\s*now\b/g],
  ['clock', /\bnew\s+Date\s*(?:\(\s*\)|(?![\w$\s(]))/g],
  ['clock', /(?<!new\s+)(?<![\w$.])Date\s*\(/g],
  ['clock', /(?<![\w$.])(?:performance|Temporal)\b/g],
  ['clock', /\bhrtime\b/g],
  ['timer', /(?<![\w$])(?:setTimeout|setInterval|setImmediate)\b/g],
  ['randomness', /\bMath\s*\.\s*random\b/g],
  ['randomness', /(?<![\w$])(?:randomBytes|randomUUID|randomInt|randomFillSync|getRandomValues|randomSecretKey)\b/g],
  ['randomness', /\.\s*(?:generateKeyPair|generateKey|keygen)\w*\s*\(/g],
  ['randomness', /(?<![\w$.])crypto\s*\.\s*subtle\b/g],
  ['input or output', /(?<![\w$.])(?:process|console|fetch|WebSocket|Worker|localStorage)\s*[.([]/g],
  ['input or output', /(?<![\w$])(?:globalThis|createRequire)\b/g],
  ['locale', /\btoLocale[A-Z]\w*|\blocaleCompare\b|(?<![\w$.])Intl\s*\./g],
  ['time zone', /\.\s*(?:get|set)(?:Hours|Minutes|Date|Day|Month|FullYear|TimezoneOffset)\s*\(/g]
]

/** @throws Error with one line per breach, and without a stack: the breach names its place */
function expectNone(breaches: readonly string[]): void {
  if (breaches.length === 0) return
  const error = new Error(`${breaches.length} found\n      ${breaches.join('\n      ')}`)
  error.stack = ''
  throw error
}

function places(file: string, text: string, pattern: RegExp, what: string): string[] {
  return [...text.matchAll(pattern)].map((match) => `${file}:${lineAt(text, match.index)} ${what}: ${match[0].trim()}`)
}

/** The package that `from` names, and the part behind its name (`.` for the entry). */
function packageNamed(from: string): { target: Package; door: string } | undefined {
  const name = from.split('/').slice(0, 2).join('/')
  const target = byPublishedName.get(name)
  return target === undefined ? undefined : { target, door: `.${from.slice(name.length)}` }
}

test('the files are found', () => {
  assert.ok(sources.length > 10)
  assert.ok(packages.length > 10)
  assert.ok(sources.some(({ imports }) => imports.length > 0))
})

test('ARCHITECTURE.md names every package, and only those that exist', () => {
  const named = [...table.keys()].sort()
  const existing = packages
    .filter(({ isApp }) => !isApp)
    .map(({ name }) => name)
    .sort()
  assert.equal(named, existing)
  expectNone(pure.filter((name) => !table.has(name)))
})

test('the import table has no cycle', () => {
  const settled = new Set<string>()
  let before = -1
  while (settled.size > before) {
    before = settled.size
    for (const [name, { values, types }] of table) {
      if ([...values, ...types].every((other) => settled.has(other))) settled.add(name)
    }
  }
  expectNone([...table.keys()].filter((name) => !settled.has(name)).map((name) => `${name} imports itself in the end`))
})

test('pure packages may import pure packages only', () => {
  const breaches: string[] = []
  for (const name of pure) {
    const allowed = table.get(name)
    for (const other of allowed === undefined ? [] : [...allowed.values, ...allowed.types]) {
      if (!pure.includes(other)) breaches.push(`${name} -> ${other}`)
    }
  }
  expectNone(breaches)
})

test('sources import what the table allows', () => {
  const breaches: string[] = []
  for (const { file, owner, isSource, imports } of sources) {
    if (!isSource || owner === undefined) continue
    const allowed = table.get(owner.name)
    for (const { from, typeOnly, line } of imports) {
      const found = packageNamed(from)
      if (found === undefined || found.target === owner) continue
      const { target } = found
      if (target.isApp) breaches.push(`${file}:${line} imports the app ${from}`)
      if (owner.isApp || allowed?.values.has(target.name)) continue
      if (!allowed?.types.has(target.name)) breaches.push(`${file}:${line} must not import ${from}`)
      else if (!typeOnly) breaches.push(`${file}:${line} may import types only from ${from}`)
    }
  }
  expectNone(breaches)
})

test('package.json names dependencies that the table allows', () => {
  const breaches: string[] = []
  for (const { folder, name, isApp, dependencies } of packages) {
    const allowed = table.get(name)
    for (const dependency of dependencies) {
      const target = byPublishedName.get(dependency)
      if (target === undefined) continue
      if (target.isApp) breaches.push(`${folder}/package.json depends on the app ${dependency}`)
      else if (!isApp && !allowed?.values.has(target.name) && !allowed?.types.has(target.name)) {
        breaches.push(`${folder}/package.json must not depend on ${dependency}`)
      }
    }
  }
  expectNone(breaches)
})

test('versions are exact', () => {
  const breaches: string[] = []
  for (const file of files.filter((each) => each.endsWith('package.json'))) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(readText(file))
    const versions: Record<string, string> = { ...dependencies, ...devDependencies }
    for (const [name, version] of Object.entries(versions)) {
      if (!/^(?:workspace:\*|(?:npm:[@\w/.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?)$/.test(version)) {
        breaches.push(`${file} ${name}: ${version}`)
      }
    }
  }
  expectNone(breaches)
})

test('no package reaches into the folders of another', () => {
  const breaches: string[] = []
  for (const { file, owner, imports } of sources) {
    for (const { from, line } of imports) {
      const found = packageNamed(from)
      if (found !== undefined && !found.target.doors.includes(found.door)) {
        breaches.push(`${file}:${line} ${from} is not in the exports of ${found.target.published}`)
      }
      if (!from.startsWith('.')) continue
      const reached = new URL(from, `file:///${file}`).pathname.slice(1)
      const top = owner === undefined ? 'test/' : `${owner.folder}/`
      // Tests may use the helpers that lie beside the runner.
      const isHelper = !/\/src\//.test(file) && reached.startsWith('test/')
      if (!reached.startsWith(top) && !isHelper) breaches.push(`${file}:${line} ${from} leaves its package`)
      if (/\/src\//.test(file) && reached.includes('/test/'))
        breaches.push(`${file}:${line} source imports test ${from}`)
      if (!from.endsWith('.ts') && !from.endsWith('.json')) breaches.push(`${file}:${line} ${from} has no ending`)
    }
  }
  expectNone(breaches)
})

test('pure packages take nothing from the world', () => {
  const breaches: string[] = []
  for (const { file, owner, isSource, text, code, imports } of sources) {
    // The compliance suites are tests that adapters run; they only lie in src because `exports` must reach them.
    if (!isSource || owner === undefined || !pure.includes(owner.name) || file.includes('/src/compliance/')) continue
    for (const { from, names, typeOnly, line } of imports) {
      if (typeOnly) continue
      const isBuiltin = from.startsWith('node:') || process.getBuiltinModule(from) !== undefined
      if (isBuiltin) {
        const allowed = PURE_BUILTINS[from] ?? []
        const bad =
          names.length === 0 ? ['(whole module)'] : names.filter((name) => allowed !== 'all' && !allowed.includes(name))
        if (bad.length > 0) breaches.push(`${file}:${line} ${from} ${bad.join(', ')}`)
      }
    }
    for (const [what, pattern] of IMPURE_CODE) breaches.push(...places(file, code, pattern, what))
    assert.is(code.length, text.length)
  }
  expectNone(breaches)
})

test('every test file runs a suite named after its path', () => {
  const breaches: string[] = []
  for (const { file, withStrings } of sources.filter((source) => source.file.endsWith('.test.ts'))) {
    const name = suiteName(file)
    const suites = [...withStrings.matchAll(/(?<![\w$.])suite\s*(?:<[^(]*>)?\(\s*(['"`])(.*?)\1/g)]
    // A port's compliance suite is filled in ports; the file names it, after its own package.
    const compliance = [...withStrings.matchAll(/(?<![\w$.])\w+Compliance\(\s*(['"`])(.*?)\1/g)]
    if (suites.length > 1) breaches.push(`${file} has ${suites.length} suites`)
    if (suites.length + compliance.length === 0) breaches.push(`${file} has no named suite`)
    for (const [, , found] of suites) if (found !== name) breaches.push(`${file} calls its suite ${found}, not ${name}`)
    for (const [, , found] of compliance) {
      if (!found?.startsWith(name.replace(/[^/]*$/, ''))) breaches.push(`${file} calls a suite ${found}, not ${name}`)
    }
    if (/import\s*\{[^}]*\btest\b[^}]*\}\s*from\s*'uvu'/.test(withStrings))
      breaches.push(`${file} uses uvu's shared test`)
  }
  expectNone(breaches)
})

test('every suite is run', () => {
  const breaches: string[] = []
  for (const { file, code } of sources) {
    const isTest = file.endsWith('.test.ts')
    for (const [, variable] of code.matchAll(/(?<![\w$.])(?:const|let)\s+(\w+)\s*=\s*suite\s*(?:<[^(]*>)?\(/g)) {
      const ending = isTest ? `^${variable}\\.run\\(\\)$` : `^\\s*return ${variable}$|^\\s*${variable}\\.run\\(\\)$`
      if (!new RegExp(ending, 'm').test(code)) breaches.push(`${file} never calls ${variable}.run()`)
    }
    // A compliance suite comes from ports, filled; the test file that asked for it runs it.
    const asked = isTest ? [...code.matchAll(/(?<![\w$.])\w+Compliance\(/g)].length : 0
    const declared = [...code.matchAll(/(?<![\w$.])suite\s*(?:<[^(]*>)?\(/g)].length
    const run = [...code.matchAll(/\.run\(\)/g)].length
    if (asked > 0 && run < asked + declared) breaches.push(`${file} runs ${run} of ${asked + declared} suites`)
  }
  expectNone(breaches)
})

test('test folders mirror sources: a test file lies in test/, a source never', () => {
  expectNone(files.filter((file) => file.endsWith('.test.ts') && !/^(?:(?:packages|apps)\/[^/]+\/)?test\//.test(file)))
})

test('no barrels, no enums, no leftovers', () => {
  const breaches: string[] = []
  const leftovers = new RegExp(
    `\\b(?:${['TO', 'FIX', 'XX'].map((word, i) => word + ['DO', 'ME', 'X'][i]).join('|')})\\b`,
    'g'
  )
  for (const { file, text, code } of sources) {
    breaches.push(...places(file, code, /(?<![\w$.])export\s*(?:type\s*)?\*(?!\s*as\b)/g, 'barrel'))
    breaches.push(...places(file, code, /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/gm, 'enum'))
    breaches.push(...places(file, code, /(?<![\w$])\w+\.only\s*\(/g, 'only one test runs'))
    breaches.push(...places(file, text, leftovers, 'leftover'))
    breaches.push(...places(file, text, /@ts-(?:ignore|nocheck|expect-error)\b(?!.*\w{3})/g, 'unexplained'))
  }
  expectNone(breaches)
})

test('no registry hosts and no paths of one machine', () => {
  const breaches: string[] = []
  const host = /https?:\/\/[^\s/'"`)]*(?:registry|npmjs|artifact|nexus|mirror|verdaccio|proxy)[^\s'"`)]*/gi
  const path = new RegExp(
    `(?<![\\w.:/@-])/(?:${['home', 'root', 'Users', 'work', 'workspace', 'mnt'].join('|')})/[\\w.-]+`,
    'g'
  )
  for (const file of files) {
    if (/\.(?:gz|bin|png|wasm)$/.test(file)) continue
    const text = readText(file)
    breaches.push(...places(file, text, host, 'host'), ...places(file, text, path, 'path'))
  }
  expectNone(breaches)
})

test('the lock file names versions and hashes, no addresses', () => {
  expectNone(places('pnpm-lock.yaml', readText('pnpm-lock.yaml'), /https?:\/\/\S+|\btarball:.*/g, 'address'))
})

test('every package has a README and an entry', () => {
  const breaches: string[] = []
  for (const { folder, isApp, doors } of packages) {
    if (!files.includes(`${folder}/README.md`)) breaches.push(`${folder} has no README.md`)
    if (!isApp && !files.includes(`${folder}/src/index.ts`)) breaches.push(`${folder} has no src/index.ts`)
    if (!isApp && doors.length === 0) breaches.push(`${folder}/package.json has no exports`)
  }
  expectNone(breaches)
})

test('file names are kebab-case', () => {
  const upper =
    /(?:^|\/)(?:README|ARCHITECTURE|LICENSE|CHANGELOG|UPGRADING|SOURCES|LIMITS|SCALE|ERRORS|CONTRIBUTING|SECURITY)(?:\.md)?$/
  const kebab = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/
  expectNone(
    files.filter(
      (file) =>
        !upper.test(file) && !file.startsWith('test/vectors/') && !file.split('/').every((part) => kebab.test(part))
    )
  )
})

test('the top level holds what it should', () => {
  const allowed = new Set(
    [
      'packages apps configs test docs .ci .github',
      'package.json pnpm-workspace.yaml pnpm-lock.yaml tsconfig.base.json tsconfig.json biome.json knip.json',
      '.oxlintrc.json .gitignore .gitattributes .editorconfig .npmrc .node-version',
      'README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md UPGRADING.md LICENSE'
    ].flatMap((line) => line.split(' '))
  )
  expectNone([...new Set(files.map((file) => file.split('/')[0] as string))].filter((name) => !allowed.has(name)))
})

test('docs/LIMITS.md is the page that the constants make', () => {
  assert.ok(limitsPage().includes('| `transactionBytesMax` | 60 KiB |'))
  if (readText('docs/LIMITS.md') !== limitsPage()) expectNone(['docs/LIMITS.md is old: run `pnpm run docs`'])
})

test.run()
