//! The functions that run inside of Redis, and the same text as scripts for nodes that lack them.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// The text of the library, as the migration loads it.
pub const LIBRARY: &str = include_str!("../../../migrations/redis/kudos.lua");

/// The version of [`LIBRARY`]: what its `kudos_version` answers.
pub const LIBRARY_VERSION: u64 = 3;

/// A function of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Merge,
    Hide,
    Moved,
    Complete,
    Top,
    Recent,
    Mark,
    Version,
}

impl Function {
    const ALL: [Self; 8] = [
        Self::Merge,
        Self::Hide,
        Self::Moved,
        Self::Complete,
        Self::Top,
        Self::Recent,
        Self::Mark,
        Self::Version,
    ];

    /// Its name within the text; the library puts `kudos_` before it.
    fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Hide => "hide",
            Self::Moved => "moved",
            Self::Complete => "complete",
            Self::Top => "top",
            Self::Recent => "recent",
            Self::Mark => "mark",
            Self::Version => "version",
        }
    }

    /// Whether it only reads, so that a replica may run it, and a full server too.
    fn only_reads(self) -> bool {
        matches!(self, Self::Top | Self::Recent | Self::Version)
    }

    /// The command that runs it.
    pub(crate) fn command(self, form: Form, keys: &[String], args: &[String]) -> Cmd {
        let mut cmd = Cmd::new();
        match (form, self.only_reads()) {
            (Form::Function, true) => cmd.arg("FCALL_RO"),
            (Form::Function, false) => cmd.arg("FCALL"),
            (Form::Digest, true) => cmd.arg("EVALSHA_RO"),
            (Form::Digest, false) => cmd.arg("EVALSHA"),
            (Form::Text, true) => cmd.arg("EVAL_RO"),
            (Form::Text, false) => cmd.arg("EVAL"),
        };
        let script = &SCRIPTS[self as usize];
        match form {
            Form::Function => cmd.arg(format!("kudos_{}", self.name())),
            Form::Digest => cmd.arg(script.digest.get_hash()),
            Form::Text => cmd.arg(&script.text),
        };
        cmd.arg(keys.len()).arg(keys).arg(args);
        cmd
    }
}

/// How a function is asked for: the first form that the node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// By its name.
    Function,
    /// As a script that the node has seen before.
    Digest,
    /// As a script with its text.
    Text,
}

struct ScriptOf {
    text: String,
    digest: Script,
}

static SCRIPTS: LazyLock<Vec<ScriptOf>> = LazyLock::new(|| {
    let script = |function: Function| {
        let text = format!("{}return {}(KEYS, ARGV)\n", definitions(), function.name());
        ScriptOf { digest: Script::new(&text), text }
    };
    Function::ALL.map(script).into()
});

/// The library without its first line and its registrations, which scripts do not have.
fn definitions() -> &'static str {
    let behind_name = LIBRARY.split_once('\n').map_or("", |(_, rest)| rest);
    behind_name.split_once("redis.register_function").map_or(behind_name, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_registered_and_no_other() {
        assert_eq!(LIBRARY.matches("\nredis.register_function").count(), Function::ALL.len());
        for function in Function::ALL {
            assert!(LIBRARY.contains(&format!("'kudos_{}'", function.name())), "{function:?}");
            assert!(LIBRARY.contains(&format!("local function {}(", function.name())));
        }
    }

    #[test]
    fn the_text_says_the_version_that_the_crate_knows() {
        assert!(LIBRARY.starts_with("#!lua name=kudos\n"));
        assert!(LIBRARY.contains(&format!("\nlocal VERSION = {LIBRARY_VERSION}\n")));
    }

    #[test]
    fn a_script_is_each_functions_own() {
        for (place, function) in Function::ALL.into_iter().enumerate() {
            assert_eq!(function as usize, place);
            let script = &SCRIPTS[place];
            assert!(!script.text.contains("#!lua") && !script.text.contains("register_function"));
            assert!(script.text.ends_with(&format!("return {}(KEYS, ARGV)\n", function.name())));
        }
    }

    #[test]
    fn what_only_reads_is_sent_so_that_a_replica_takes_it() {
        let packed = |function: Function, form| {
            let cmd = function.command(form, &["k".into()], &["a".into()]);
            String::from_utf8(cmd.get_packed_command()).unwrap()
        };
        assert!(packed(Function::Top, Form::Function).contains("FCALL_RO\r\n$9\r\nkudos_top"));
        assert!(packed(Function::Merge, Form::Function).contains("FCALL\r\n"));
        assert!(packed(Function::Recent, Form::Digest).contains("EVALSHA_RO"));
        assert!(packed(Function::Merge, Form::Text).ends_with("$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n"));
    }
}
