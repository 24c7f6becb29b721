//! Examples and exit codes, shown under each command's help.

pub(super) const KUDOS: &str = "\
Without a command: serve. Data goes to stdout, everything else to stderr.

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration; some commands have more.";

pub(super) const SERVE: &str = "\
Example:
  kudos serve --listen 127.0.0.1:8080 --data ./kudos-data

Exit codes: 0 stopped as asked, 1 failed, 64 wrong usage, 78 wrong configuration.";

pub(super) const CONFIG: &str = "\
Example:
  kudos config --config kudos.toml

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.";

pub(super) const COMPLETIONS: &str = "\
Example:
  kudos completions bash > ~/.local/share/bash-completion/completions/kudos

Exit codes: 0 done, 64 wrong usage.";

pub(super) const SEED: &str = "\
Example:
  kudos seed --posts 100 --users 500 --reactions 5000

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.";

pub(super) const IMPORT: &str = "\
Times are RFC 3339, or seconds or milliseconds since 1970. Blank lines are skipped.

Example:
  kudos import --posts posts.jsonl --reactions reactions.csv --report refused.txt

Exit codes: 0 all lines taken, 1 failed, 2 some lines refused, 64 wrong usage,
78 wrong configuration.";

pub(super) const BACKUP: &str = "\
The backup is a data folder of its own; its text index is built at the first start.

Example:
  kudos backup /backups/today
  kudos serve --data /backups/today

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.";

pub(super) const VERIFY: &str = "\
Counts every user's reaction as of one moment, while writes go on.

Example:
  kudos verify --json

Exit codes: 0 every count is right, 1 failed, 3 counts differ, 64 wrong usage,
78 wrong configuration.";

pub(super) const EXPLAIN: &str = "\
Example:
  kudos explain my-post

Exit codes: 0 the counts are equal, 1 failed or no such post, 3 counts differ, 64 wrong usage,
78 wrong configuration.";
