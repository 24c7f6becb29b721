use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::run;
use crate::support::kudos;

const SEED: [&str; 7] = ["seed", "--posts", "20", "--users", "50", "--reactions", "400"];

#[tokio::test]
async fn a_backup_of_a_running_server_serves_the_same_counts() {
    let folder = TempDir::new().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let server = kudos(&data).await;
    assert_eq!(run(&data, &SEED).await.code, 0);
    let backup = run(&data, &["backup", copy.to_str().unwrap(), "--json"]).await.json();
    assert!(backup["records"].as_u64().unwrap() >= 440, "{backup}");
    assert_eq!(run(&data, &["backup", copy.to_str().unwrap()]).await.code, 1);
    let verified = run(&data, &["verify", "--json"]).await.json();
    assert_eq!((&verified["rows"], &verified["different"]), (&400.into(), &0.into()));

    let restored = kudos(&copy).await;
    let path = "/v1/search?sort=popular&limit=100";
    let (original, restored) = (server.api().get(path).await, restored.api().get(path).await);
    assert_eq!(original.ok()["posts"], restored.ok()["posts"]);
}

#[tokio::test]
async fn every_copy_of_a_count_is_shown_side_by_side() {
    let folder = TempDir::new().unwrap();
    assert_eq!(run(folder.path(), &SEED).await.code, 0);
    let at_rest = run(folder.path(), &["explain", "seed1-00003", "--json"]).await.json();
    assert_eq!(at_rest["equal"], true);
    assert!(at_rest["rows"]["total"].as_u64().unwrap() > 0, "{at_rest}");
    let server = kudos(folder.path()).await;
    let running = run(folder.path(), &["explain", "seed1-00003", "--json"]).await.json();
    for copy in ["truth", "live"] {
        assert_eq!(running[copy]["counts"], running["rows"]["counts"]);
        assert_eq!(running[copy], at_rest[copy]);
    }
    let table = run(folder.path(), &["explain", "seed1-00003"]).await.stdout;
    assert!(table.contains("\ntruth ") && table.ends_with("all counts are equal\n"), "{table}");
    let unknown = run(folder.path(), &["explain", "nobody"]).await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (1, ""));
    assert!(unknown.stderr.contains("nobody is not known"), "{unknown:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_folder_without_data_is_not_taken_for_an_empty_store() {
    let folder = TempDir::new().unwrap();
    let nowhere = folder.path().join("nowhere");
    for arguments in [&["verify"][..], &["explain", "p"], &["backup", "/nowhere/at/all"]] {
        let ran = run(&nowhere, arguments).await;
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("there is no data in"), "{ran:?}");
    }
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn the_control_socket_is_for_its_owner_and_refuses_what_it_does_not_know() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("control.sock");
    // A killed server left this behind.
    std::fs::write(&socket, "").unwrap();
    let server = kudos(folder.path()).await;
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for nonsense in ["{\"job\":\"reboot\"}\n", "GET / HTTP/1.1\n", "\n", "\u{0}\n"] {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = BufReader::new(stream).read_line(&mut answer).await;
        assert!(read.is_ok() && answer.starts_with("{\"failed\":"), "{answer}");
    }
    // A client that says nothing does not hold up the stop.
    let _silent = UnixStream::connect(&socket).await.unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(9), server.stop()).await.unwrap();
    assert!(stopped.status.success());
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_count_that_is_not_that_of_the_rows_is_told_by_the_exit_code() {
    let folder = TempDir::new().unwrap();
    assert_eq!(run(folder.path(), &SEED).await.code, 0);
    // The head of one post takes the place of another's.
    {
        let store = folder.path().join("store");
        let database = fjall::Database::builder(store).open().unwrap();
        let heads = database.keyspace("heads", Default::default).unwrap();
        let other = heads.get("seed1-00001").unwrap().unwrap();
        heads.insert("seed1-00002", other).unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let verified = run(folder.path(), &["verify"]).await;
    assert_eq!(verified.code, 3, "{verified:?}");
    assert!(verified.stdout.contains("\nseed1-00002\tlike\t"), "{verified:?}");
    let explained = run(folder.path(), &["explain", "seed1-00002", "--json"]).await;
    assert_eq!(explained.code, 3, "{explained:?}");
    assert!(explained.stdout.contains("\"equal\":false"), "{explained:?}");
    assert_eq!(run(folder.path(), &["explain", "seed1-00001"]).await.code, 0);
}
