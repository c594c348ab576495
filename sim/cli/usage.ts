/** What `starling sim` and `starling replay` say of themselves, and the error of whoever used it otherwise. */

export class UsageError extends Error {}

export const shortUsage = {
  sim: `usage: starling sim [--scenario NAME|FILE] [--members N] [--seed N] [--report DIR] …
       starling sim --from SNAPSHOT [--kill NODE] [--scale JOB=N] [--deploy FILE] …
       starling sim list | compare A B | --help
`,
  replay: `usage: starling replay [--json] RECORD
`,
}

export const replayUsage = `${shortUsage.replay}
Runs an agent's flight record again: the same events at the same times have to come to the same effects. It stops at
the first step that does not, with the event, and what was expected and what came. A record is written by
\`starling agent --record FILE\`, and by an agent, or \`starling sim\`, that ends in a bug of ours.

  --json                  the result as JSON, with all effects of the step that differs
  --help

exit codes: 0 no difference, 1 a difference or a file that cannot be read, 2 wrong usage
`

export const fullUsage = `usage: starling sim [options]            run a scenario on simulated machines
       starling sim list                 the scenarios of the library, one line each
       starling sim show NAME            the scenario as a file, to change and run as your own
       starling sim compare A B          two reports beside each other; A and B are folders of --report

what is run
  --scenario NAME|FILE    of the library, or a YAML file; left out, one is drawn from the seed
  --members N             so many machines, instead of the scenario's number
  --seconds N             simulated seconds of load and faults, instead of the scenario's
  --seed N                all chance comes from it: same seed, same run (1)
  --seeds N               so many seeds, one after the other, a line each (1)
  --workers N             so many of the seeds at a time, each in a thread of its own (1)
  --trace NAME DIR        machines and tasks of a recorded cluster; known: alibaba-gpu-2023
  --speed X               the trace so many times faster (1)

what comes of it
  --report DIR            writes DIR/report.html, one page with charts, and DIR/report.json
  --json                  the report as JSON on standard output
  --events                every event: time in µs, host, what
  --help

A run boots the cluster, has faults and load (safety), then repairs everything and lets it come to rest (liveness).
Ctrl-C ends it with the report so far.

exit codes: 0 all promises kept and expectations met, 1 not so, 2 wrong usage or a file that cannot be read,
            130 interrupted

examples
  starling sim --scenario rack-loss --seed 7
  starling sim --members 10000 --scenario rack-loss --seed 7 --report out
  starling sim --seeds 100
  starling sim --trace alibaba-gpu-2023 ~/traces/alibaba-gpu-2023 --speed 10000
`
