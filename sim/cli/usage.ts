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
       starling sim --from SNAPSHOT …    what would become of a real cluster
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

what if (each is done when what came before it is at rest; all can be given again and again)
  --from SNAPSHOT         the nodes, jobs and allocations of \`starling snapshot\`
  --kill A,B              these nodes die, with what they run; several of one option at the same moment
  --power-off A,B         the same, without a word: their connections are not even reset
  --drain A,B             these nodes are emptied
  --add N:cpu=C,memory=M  N more nodes, of C millicores and M MiB; also disk=, gpu=, and labels: zone=a
  --scale JOB=N           the job has N slots
  --deploy FILE           the job of a YAML or JSON file, as \`starling run\` takes it
  --stop JOB              the job is deleted
  With --seeds N it is tried so often (15 times for up to 40 nodes); what was not the same each time says so.
  --seconds N             so long is waited for rest after each (120)

what comes of it
  --report DIR            writes DIR/report.html, one page with charts, and DIR/report.json
  --record MEMBER         writes MEMBER-seed-N.record, its flight record
  --json                  the report as JSON on standard output
  --events                every event: time in µs, host, what
  --help

A run boots the cluster, has faults and load (safety), then repairs everything and lets it come to rest (liveness).
Ctrl-C ends it with the report so far.

exit codes: 0 all promises kept and expectations met, or what-ifs told; 1 not so, or a snapshot or job that cannot be
            read; 2 wrong usage, or a scenario, trace or report that cannot be read; 130 interrupted

examples
  starling sim --scenario rack-loss --seed 7
  starling sim --members 10000 --scenario rack-loss --seed 7 --report out
  starling sim --seeds 100
  starling sim --from now.json --kill node7 --add 5:cpu=16000,memory=65536 --scale web=40 --deploy job.yaml
  starling sim --trace alibaba-gpu-2023 ~/traces/alibaba-gpu-2023 --speed 10000
`
