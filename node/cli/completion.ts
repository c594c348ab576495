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

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('Print a completion script: source <(starling completion bash)')
    .addArgument(new Argument('<shell>').choices(Object.keys(shells)))
    .action((shell: keyof typeof shells) => print(shells[shell](verbsOf(program))))
}

function verbsOf(program: Command): Verb[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: command.options.flatMap(({ long, description }) =>
      long ? [{ flag: long, description }] : [],
    ),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }))
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
