//! The real binary from outside, without any server: what it prints, and the code it exits with.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod capacity;
mod doctor;

use std::process::{Command, Output, Stdio};

/// The program with no settings but these words.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kudosctl"));
    command.env_clear().args(words).stdin(Stdio::null());
    command
}

fn run(words: &[&str]) -> Output {
    command(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_shows_an_example_that_is_a_valid_command() {
    for name in ["doctor", "capacity"] {
        let help = run(&[name, "--help"]);
        assert_eq!(help.status.code(), Some(0));
        let help = text(&help.stdout);
        assert!(help.contains("Exit codes: "), "{help}");
        let examples: Vec<_> =
            help.lines().filter(|line| line.starts_with("  kudosctl ")).collect();
        assert!(!examples.is_empty(), "{help}");
        for example in examples {
            // An option that is not known would be told before help is shown.
            let words: Vec<_> = example.split_whitespace().skip(1).chain(["--help"]).collect();
            assert_eq!(run(&words).status.code(), Some(0), "{example}");
        }
    }
}
