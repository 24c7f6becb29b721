use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{command, run};
use crate::support::kudos;

const POSTS: &str = "\u{feff}id,title,body,author,created_at\r\n\
    p1,\"First, of two\",\"with a\nline end\",ann,2026-01-01T00:00:00Z\r\n\
    p2,Second,,,1767225600\r\n\
    p/3,Third,,,1767225600\r\n";

/// Lines 2 to 6 and 10 are refused.
const REACTIONS: &[u8] = b"{\"post\":\"p1\",\"user\":\"ann\",\"kind\":\"like\",\"at\":1767225601}
not json
{\"post\":\"p1\",\"user\":\"bob\",\"kind\":\"meh\",\"at\":1767225601}
{\"post\":\"p9\",\"user\":\"bob\",\"kind\":\"like\",\"at\":1767225601}
{\"post\":\"p1\",\"user\":\"\xff\",\"kind\":\"like\",\"at\":1767225601}
{\"post\":\"p1\",\"user\":\"bob\",\"kind\":\"like\"}

{\"post\":\"p2\",\"user\":\"ann\",\"kind\":\"love\",\"at\":1767225609}
{\"post\":\"p2\",\"user\":\"ann\",\"kind\":\"like\",\"at\":1767225603}
{\"post\":\"p2\",\"user\":\"bob\",\"kind\":\"love\",\"at\":\"soon\"}
{\"post\":\"p1\",\"user\":\"cid\",\"kind\":\"like\",\"at\":1767225601}
{\"post\":\"p1\",\"user\":\"cid\",\"kind\":null,\"at\":1767225602}
";

/// The files and where refused lines go.
struct Files {
    posts: PathBuf,
    reactions: PathBuf,
    report: PathBuf,
}

impl Files {
    fn write(folder: &Path) -> Self {
        let path = |name| folder.join(name);
        let (posts, reactions) = (path("posts.csv"), path("reactions.jsonl"));
        fs::write(&posts, POSTS).unwrap();
        fs::write(&reactions, REACTIONS).unwrap();
        Self { posts, reactions, report: path("refused.txt") }
    }

    fn arguments(&self) -> [&str; 8] {
        let [posts, reactions, report] =
            [&self.posts, &self.reactions, &self.report].map(|path| path.to_str().unwrap());
        ["import", "--posts", posts, "--reactions", reactions, "--report", report, "--json"]
    }

    /// The numbers of the refused lines, by file.
    fn refused(&self) -> Vec<(String, u64)> {
        let report = fs::read_to_string(&self.report).unwrap();
        let place = |line: &str| {
            let mut parts = line.splitn(3, ':');
            let file = Path::new(parts.next().unwrap()).file_stem().unwrap();
            let number = parts.next().unwrap().parse().unwrap();
            (file.to_str().unwrap().to_owned(), number)
        };
        report.lines().map(place).collect()
    }
}

fn tallies(stdout: &str) -> Vec<Vec<u64>> {
    let files: Value = serde_json::from_str(stdout).unwrap();
    let names = ["read", "changed", "unchanged", "superseded", "refused"];
    let tally = |file: &Value| names.map(|name| file[name].as_u64().unwrap()).to_vec();
    files.as_array().unwrap().iter().map(tally).collect()
}

#[tokio::test]
async fn an_import_takes_what_is_right_and_names_the_lines_that_are_not() {
    let folder = TempDir::new().unwrap();
    let (files, data) = (Files::write(folder.path()), folder.path().join("data"));
    let ran = run(&data, &files.arguments()).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(tallies(&ran.stdout), [[3, 2, 0, 0, 1], [11, 2, 1, 2, 6]]);
    let mut refused = files.refused();
    refused.sort();
    let expected = [("posts", 5)].into_iter().chain([2, 3, 4, 5, 6, 10].map(|n| ("reactions", n)));
    let expected: Vec<_> = expected.map(|(file, n)| (file.to_owned(), n)).collect();
    assert_eq!(refused, expected);
    assert!(ran.stderr.contains("reactions.jsonl:4: the post p9 is not stored"), "{ran:?}");
    assert!(ran.stderr.contains("posts.csv:5: `id` must not contain '/'"), "{ran:?}");

    let again = run(&data, &files.arguments()).await;
    assert_eq!(tallies(&again.stdout), [[3, 0, 2, 0, 1], [11, 0, 3, 2, 6]]);
    assert_eq!(files.refused().len(), 7);

    let server = kudos(&data).await;
    let p2 = server.api().counts("p2", "ann").await;
    assert_eq!((&p2["mine"], &p2["total"]), (&json!("love"), &json!(1)));
    let p1 = server.api().counts("p1", "cid").await;
    assert_eq!((&p1["mine"], &p1["total"]), (&Value::Null, &json!(1)));
    // The index hears of posts after they are stored.
    let (begun, mut found) = (Instant::now(), Value::Null);
    while found["posts"][0].is_null() && begun.elapsed() < Duration::from_secs(30) {
        found = server.api().get("/v1/search?q=line%20end").await.ok();
    }
    assert_eq!(found["posts"][0]["post"], "p1", "{found}");
}

#[tokio::test]
async fn a_running_server_takes_an_import() {
    let folder = TempDir::new().unwrap();
    let (files, data) = (Files::write(folder.path()), folder.path().join("data"));
    let server = kudos(&data).await;
    let ran = run(&data, &files.arguments()).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("reactions.jsonl:2: not a JSON object"), "{ran:?}");
    assert_eq!(server.api().counts("p2", "ann").await["total"], 1);
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_and_counts_everything_once() {
    const LINES: u64 = 40_000;
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let (posts, reactions) = (folder.path().join("p.jsonl"), folder.path().join("r.csv"));
    fs::write(&posts, "{\"post\":\"p\",\"title\":\"t\",\"created_at\":1}\n").unwrap();
    let rows: String = (0..LINES).map(|n| format!("p,u{n},like,{}\n", 1000 + n)).collect();
    fs::write(&reactions, format!("post,user,kind,at\n{rows}")).unwrap();
    let [posts, reactions] = [&posts, &reactions].map(|path| path.to_str().unwrap());
    let arguments = ["import", "--posts", posts, "--reactions", reactions, "--json"];

    let mut import = command(&data, &arguments).spawn().unwrap();
    let mut said = BufReader::new(import.stderr.take().unwrap()).lines();
    // What is shown is durable, and it is less than all.
    while let Some(line) = said.next_line().await.unwrap()
        && !line.starts_with("reactions: ")
    {}
    import.kill().await.unwrap();

    let resumed = run(&data, &arguments).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(resumed.stderr.contains("r.csv: going on at line "), "{resumed:?}");
    assert_eq!(tallies(&resumed.stdout)[1][0], LINES);
    assert_eq!(run(&data, &["verify"]).await.code, 0);
    let explained = run(&data, &["explain", "p", "--json"]).await.json();
    assert_eq!(explained["live"]["total"], LINES);
    assert_eq!(data.join("imports").read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_at_all_is_a_failure() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cases = [
        (file("r.txt", ""), "name the format"),
        (file("r.csv", "post,user,kind\n"), "no column `at`"),
        (file("empty.csv", ""), "no header line"),
        (folder.path().join("absent.csv").to_str().unwrap().to_owned(), "absent.csv"),
    ];
    for (path, why) in cases {
        let ran = run(&data, &["import", "--reactions", &path]).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
}
