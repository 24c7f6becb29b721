use serde_json::Value;

use crate::{run, text};

#[test]
fn a_load_that_fits_exits_with_0_and_says_what_it_needs() {
    let done = run(&["capacity", "--posts", "1e6", "--likes-per-second", "1000"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let shown = text(&done.stdout);
    for engine in ["reaction-write", "cassandra", "redis", "kafka", "projector", "elasticsearch"] {
        assert!(shown.lines().any(|line| line.starts_with(engine)), "{shown}");
    }
    assert!(shown.contains("1,000,000 posts"), "{shown}");
}

#[test]
fn nodes_that_do_not_suffice_exit_with_3() {
    let words = ["capacity", "--redis-masters", "25", "--redis-replicas", "2", "--json"];
    let done = run(&words);
    assert_eq!(done.status.code(), Some(3), "{}", text(&done.stderr));
    let plan: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&plan["suffices"], &plan["redis"]["masters"]), (&false.into(), &25.into()));
    assert_eq!(plan["inputs"]["posts"], 1_000_000_000);
}

#[test]
fn wrong_usage_exits_with_64_and_names_the_field_and_its_limits() {
    for (words, said) in [
        (["capacity", "--posts", "none"], "'--posts <N>': must be a whole number from 1 to"),
        (["capacity", "--node-memory", "32"], "'--node-memory <BYTES>': must be 1GB to 1PB"),
        (["capacity", "--markdown", "--json"], "cannot be used with"),
    ] {
        let done = run(&words);
        assert_eq!(done.status.code(), Some(64), "{words:?}");
        assert!(text(&done.stderr).contains(said), "{}", text(&done.stderr));
    }
}

#[test]
fn markdown_is_what_the_document_holds() {
    let done = run(&["capacity", "--markdown"]);
    let shown = text(&done.stdout);
    assert!(shown.contains("\n| redis | "), "{shown}");
    assert!(include_str!("../../../../docs/CAPACITY.md").contains(shown.trim()), "{shown}");
}
