//! What all commands have in common.

use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{all_at, command, ended, run, silent, text};

const COMMANDS: [&str; 11] = [
    "doctor", "capacity", "migrate", "verify", "repair", "explain", "rebuild", "slot", "drill",
    "seed", "load",
];
/// Those that ask engines, as they are called.
const ASKING: [&[&str]; 8] = [
    &["doctor"],
    &["migrate"],
    &["verify"],
    &["repair", "--all"],
    &["explain", "a-post"],
    &["rebuild", "--from", "cassandra"],
    &["rebuild", "--from", "kafka"],
    &["slot", "a-key", "--set", "redis.mode=cluster"],
];
/// Those that ask a service.
const CALLING: [&[&str]; 2] = [&["load", "--duration", "1m"], &["seed"]];
/// More than any of them waits for what is not there.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn help_shows_examples_that_are_valid_commands() {
    for name in COMMANDS {
        let help = run(&[name, "--help"]);
        assert_eq!(help.status.code(), Some(0));
        let help = text(&help.stdout);
        assert!(help.contains("Exit codes: "), "{help}");
        // Some stand behind what sets the environment.
        let indented = help.lines().filter(|line| line.starts_with("  "));
        let examples = indented.filter_map(|line| Some(line.split_once("kudosctl ")?.1));
        let examples: Vec<_> = examples.filter(|words| words.starts_with(name)).collect();
        assert!(!examples.is_empty(), "{help}");
        for example in examples {
            // An option that is not known would be told before help is shown.
            let words: Vec<_> = example.split_whitespace().chain(["--help"]).collect();
            assert_eq!(run(&words).status.code(), Some(0), "{example}");
        }
    }
}

#[test]
fn no_command_takes_what_it_does_not_know() {
    for name in COMMANDS {
        let done = run(&[name, "--no-such-option"]);
        assert_eq!(done.status.code(), Some(64), "{name}");
        assert!(text(&done.stderr).contains("--no-such-option"), "{name}");
    }
}

#[test]
fn an_engine_that_is_not_there_is_named_and_fails_the_command() {
    let folder = tempfile::tempdir().unwrap();
    for words in ASKING {
        let mut command = command(words);
        let child = command.args(all_at("127.0.0.1:1")).current_dir(&folder);
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let done = child.wait_with_output().unwrap();
        let said = text(&done.stdout) + &text(&done.stderr);
        assert!(matches!(done.status.code(), Some(1 | 3)), "{words:?}: {} {said}", done.status);
        let names = ["cassandra", "redis", "kafka", "elastic"];
        let said = said.to_lowercase();
        assert!(names.iter().any(|name| said.contains(name)), "{words:?}: {said}");
    }
}

/// The first to connect, within [`LIMIT`].
fn asked(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((asked, _)) => return asked,
            Err(_) if begun.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("nobody asks: {error}"),
        }
    }
}

#[test]
fn every_command_stops_within_two_seconds_of_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    for words in ASKING.iter().chain(&CALLING) {
        let (listener, address) = silent();
        let more = if CALLING.contains(words) {
            vec![format!("http://{address}")]
        } else {
            all_at(&address)
        };
        let mut command = command(words);
        let child = command.args(more).current_dir(&folder).stdout(Stdio::null()).spawn().unwrap();
        // It is at work as soon as it asks.
        let asked = asked(&listener);
        let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let (status, took) = ended(child, LIMIT);
        drop(asked);
        assert!(took < Duration::from_secs(2), "{words:?}: {status} after {took:?}");
        assert!(!status.success(), "{words:?}: {status}");
    }
}
