/** `completion`: a script for the shell, drawn from the verbs and options themselves. */
import { Argument, type Command } from 'commander'
import { print } from './command.ts'

interface Verb {
  readonly name: string
  readonly description: string
  readonly flags: readonly { readonly flag: string; readonly description: string }[]
  /** What its arguments may be, where there is a choice. */
  readonly choices: readonly string[]
}

const shells = { bash, zsh, fish }

/** `starling sim` and `starling replay` are another program, whose usage the tests hold this against. */
const simulatorVerbs: readonly Verb[] = [
  {
    name: 'sim',
    description: 'Run a scenario on simulated machines, or what-ifs on a snapshot',
    flags: [
      { flag: '--scenario', description: 'of the library, or a YAML file' },
      { flag: '--members', description: 'so many machines' },
      { flag: '--seconds', description: 'simulated seconds' },
      { flag: '--seed', description: 'all chance comes from it' },
      { flag: '--seeds', description: 'so many seeds' },
      { flag: '--workers', description: 'so many of the seeds at a time' },
      { flag: '--trace', description: 'machines and tasks of a recorded cluster' },
      { flag: '--speed', description: 'the trace so many times faster' },
      { flag: '--from', description: 'a snapshot' },
      { flag: '--kill', description: 'these nodes die' },
      { flag: '--power-off', description: 'these nodes fall silent' },
      { flag: '--drain', description: 'these nodes are emptied' },
      { flag: '--add', description: 'so many nodes more' },
      { flag: '--scale', description: 'the job has so many slots' },
      { flag: '--deploy', description: 'the job of a file' },
      { flag: '--stop', description: 'the job is deleted' },
      { flag: '--report', description: 'a folder for the report' },
      { flag: '--record', description: 'writes the flight record of a member' },
      { flag: '--json', description: 'print JSON' },
      { flag: '--events', description: 'print every event' },
    ],
    choices: ['list', 'show', 'compare'],
  },
  {
    name: 'replay',
    description: 'Run a flight record again, up to the first difference',
    flags: [{ flag: '--json', description: 'print JSON' }],
    choices: [],
  },
]

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('Print a completion script: source <(starling completion bash)')
    .addArgument(new Argument('<shell>').choices(Object.keys(shells)))
    .action((shell: keyof typeof shells) => print(shells[shell](verbsOf(program))))
}

function verbsOf(program: Command): Verb[] {
  const verbs = program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: command.options.flatMap(({ long, description }) =>
      long ? [{ flag: long, description }] : [],
    ),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }))
  return [...verbs, ...simulatorVerbs]
}

function wordsOf({ flags, choices }: Verb): string {
  return [...choices, ...flags.map(({ flag }) => flag), '--help'].join(' ')
}

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => `      ${verb.name}) words="${wordsOf(verb)}"; break ;;\n`)
  return `_starling() {
  local current="\${COMP_WORDS[COMP_CWORD]}" word
  local words="${verbs.map(({ name }) => name).join(' ')} --api --token --version --help"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
${cases.join('')}    esac
  done
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _starling starling
`
}

function zsh(verbs: readonly Verb[]): string {
  const names = verbs.map(({ name, description }) => `    ${quote(`${name}:${description}`)}\n`)
  const cases = verbs.map((verb) => `    ${verb.name}) compadd -- ${wordsOf(verb)} ;;\n`)
  return `#compdef starling
_starling() {
  local -a verbs
  verbs=(
${names.join('')}  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  if [[ "$PREFIX" != -* ]]; then
    _files
    return
  fi
  case "$words[2]" in
${cases.join('')}  esac
}
compdef _starling starling
`
}

function fish(verbs: readonly Verb[]): string {
  const lines = verbs.flatMap(({ name, description, flags }) => {
    const seen = `complete -c starling -n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c starling -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
      ...flags.map((each) => `${seen} -l ${each.flag.slice(2)} -d ${quote(each.description)}`),
    ]
  })
  return `${lines.join('\n')}\n`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
