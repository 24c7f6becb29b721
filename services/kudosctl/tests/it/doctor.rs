use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::{all_at, command, ended, run, silent, text};

const ENGINES: [&str; 4] = ["cassandra", "redis", "kafka", "elastic"];
/// More than the program waits for one engine.
const LIMIT: Duration = Duration::from_secs(40);

fn doctor<'a>(settings: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let settings = settings.iter().map(String::as_str);
    ["doctor"].into_iter().chain(settings).chain(more.iter().copied()).collect()
}

#[test]
fn dependencies_that_are_not_there_are_errors_each_with_what_to_do() {
    let settings = all_at("127.0.0.1:1");
    let done = run(&doctor(&settings, &["--json"]));
    assert_eq!(done.status.code(), Some(3), "{}", text(&done.stderr));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["worst"], "error");
    for (place, engine) in ENGINES.into_iter().enumerate() {
        let examined = &report["engines"][place];
        assert_eq!((&examined["engine"], &examined["worst"]), (&engine.into(), &"error".into()));
        let finding = &examined["findings"][0];
        assert_eq!((&finding["what"], &finding["found"]), (&"answers".into(), &"no".into()));
        let advice = finding["advice"].as_str().unwrap();
        assert!(advice.contains(&format!("{engine}.")), "{advice}");
    }
}

#[test]
fn text_has_colors_for_a_terminal_only_and_never_a_secret() {
    let settings = all_at("127.0.0.1:1");
    let secrets = ["--set", "redis.password=hush-hush", "--set", "redis.username=ann"];
    for form in [&[][..], &["--json"]] {
        let done = run(&doctor(&settings, &[&secrets[..], form].concat()));
        let shown = text(&done.stdout) + &text(&done.stderr);
        assert!(!shown.contains('\x1b') && !shown.contains("hush-hush"), "{shown}");
    }
}

#[test]
fn servers_that_never_answer_do_not_keep_it() {
    let (_listener, address) = silent();
    let child = command(&doctor(&all_at(&address), &[])).stdout(Stdio::null()).spawn().unwrap();
    let (status, _) = ended(child, LIMIT);
    assert_eq!(status.code(), Some(3));
}
