//! Backups, recounts and imports.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use kudos_core::ports::{PostStore, ReactionStore};
use kudos_core::{Kind, Millis, Operation, Post, PostId, SystemClock, UserId};
use kudos_embedded::{Embedded, MaintenanceError, Options, Side, Step};
use tempfile::TempDir;

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, &Options::default(), Arc::new(SystemClock)).unwrap()
}

fn post_id(id: &str) -> PostId {
    PostId::new(id).unwrap()
}

async fn store_post(machine: &Embedded, id: &str) {
    let (title, body, author) = (format!("title of {id}"), String::new(), String::new());
    let post = Post { id: post_id(id), title, body, author, created_at: Millis(1) };
    machine.store.upsert(&post).await.unwrap();
}

fn op(key: &str, post: &str, user: &str, want: Option<u8>, at: u64) -> Operation {
    let user = UserId::new(user).unwrap();
    Operation::keyed(key, post_id(post), user, want.map(Kind), Millis(at))
}

async fn like(machine: &Embedded, post: &str, user: usize) {
    let user = format!("u{user}");
    machine.store.apply(op(&user, post, &user, Some(0), 1)).await.unwrap();
}

fn on(_: Step) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_while_writes_go_on_is_whole_and_of_one_moment() {
    let folder = TempDir::new().unwrap();
    let machine = open(&folder.path().join("data"));
    for post in ["a", "b", "c"] {
        store_post(&machine, post).await;
    }
    for user in 0..300 {
        like(&machine, "a", user).await;
    }
    let writing = {
        let machine = machine.clone();
        tokio::spawn(async move {
            for user in 0..2000 {
                like(&machine, ["b", "c"][user % 2], user).await;
            }
        })
    };
    let dir = folder.path().join("backup");
    let (source, target) = (machine.clone(), dir.clone());
    let backup = tokio::task::spawn_blocking(move || source.backup(&target, &mut on));
    let backup = backup.await.unwrap().unwrap();
    writing.await.unwrap();
    assert!(backup.records > 300);

    let copy = open(&dir);
    let audit = copy.verify(&mut on).unwrap();
    assert_eq!((audit.posts, audit.different), (3, 0));
    assert_eq!(copy.board.total("a"), 300);
    assert!(copy.board.total("b") + copy.board.total("c") <= 2000);
    assert_eq!(machine.verify(&mut on).unwrap().different, 0);
    // The copy goes on where the original was.
    like(&copy, "a", 300).await;
    assert_eq!((copy.board.total("a"), machine.board.total("a")), (301, 300));
}

#[tokio::test]
async fn a_backup_that_was_broken_off_leaves_nothing_that_looks_like_one() {
    let folder = TempDir::new().unwrap();
    let machine = open(&folder.path().join("data"));
    store_post(&machine, "a").await;
    let dir = folder.path().join("backup");
    let broken_off = machine.backup(&dir, &mut |_| ControlFlow::Break(()));
    assert!(matches!(broken_off, Err(MaintenanceError::Cancelled)), "{broken_off:?}");
    assert!(!dir.exists());
    machine.backup(&dir, &mut on).unwrap();
    assert!(open(&dir).store.meta(&post_id("a")).await.unwrap().is_some());
    assert!(!dir.with_file_name("backup.partial").exists());
}

#[tokio::test]
async fn a_backup_never_writes_over_anything() {
    let folder = TempDir::new().unwrap();
    let machine = open(&folder.path().join("data"));
    let file = folder.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    for taken in [folder.path(), &file] {
        let refused = machine.backup(taken, &mut on);
        assert!(matches!(refused, Err(MaintenanceError::NotEmpty(_))), "{refused:?}");
    }
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    machine.backup(&empty, &mut on).unwrap();
}

#[tokio::test]
async fn a_damaged_count_is_found() {
    let folder = TempDir::new().unwrap();
    let machine = open(folder.path());
    for (post, likes) in [("a", 3), ("b", 1), ("c", 2)] {
        store_post(&machine, post).await;
        for user in 0..likes {
            like(&machine, post, user).await;
        }
    }
    assert_eq!(machine.verify(&mut on).unwrap().different, 0);
    drop(machine);
    // The head of one post takes the place of another's.
    {
        let database = fjall::Database::builder(folder.path().join("store")).open().unwrap();
        let heads = database.keyspace("heads", fjall::KeyspaceCreateOptions::default).unwrap();
        let other = heads.get("a").unwrap().unwrap();
        heads.insert("c", other).unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let machine = open(folder.path());
    let audit = machine.verify(&mut on).unwrap();
    let [found] = audit.differences.as_slice() else { panic!("{audit:?}") };
    assert_eq!((found.post.as_str(), found.side), ("c", Side::Head));
    assert_eq!((found.rows.total(), found.counts.total()), (2, 3));
    let explanation = machine.explain(&post_id("c")).unwrap();
    assert_eq!(explanation.truth.counts.total(), 2);
    assert_eq!(explanation.truth.head.unwrap().counts.total(), 3);
    assert_eq!(explanation.board.unwrap().0.counts.total(), 3);
}

#[tokio::test]
async fn the_recount_of_a_post_is_of_that_post_alone() {
    let folder = TempDir::new().unwrap();
    let machine = open(folder.path());
    for (post, likes) in [("a", 1), ("a b", 2), ("ab", 4)] {
        store_post(&machine, post).await;
        for user in 0..likes {
            like(&machine, post, user).await;
        }
    }
    assert_eq!(machine.verify(&mut on).unwrap().different, 0);
    for (post, likes) in [("a", 1), ("a b", 2), ("ab", 4)] {
        let truth = machine.explain(&post_id(post)).unwrap().truth;
        assert_eq!((truth.rows, truth.counts.total()), (likes, likes), "{post}");
    }
    assert_eq!(machine.explain(&post_id("nobody")).unwrap().truth.head, None);
}

#[tokio::test]
async fn of_a_users_history_the_latest_wins_in_whatever_order_it_comes() {
    let folder = TempDir::new().unwrap();
    let machine = open(folder.path());
    // A like that was repeated, another kind in between, and one that was taken back at last.
    let history = [(Some(0), 10), (Some(1), 15), (Some(0), 20), (Some(0), 30), (None, 25)];
    for first in 0..history.len() {
        for step in 1..history.len() {
            let post = format!("p{first}.{step}");
            for n in 0..history.len() {
                // Five is prime, so each step visits every line once.
                let (want, at) = history[(first + n * step) % history.len()];
                machine.store.import(op(&at.to_string(), &post, "u", want, at)).await.unwrap();
            }
            let user = UserId::new("u").unwrap();
            let held = machine.store.held(&user, &[post_id(&post)]).await.unwrap();
            assert_eq!((held, machine.board.total(&post)), (vec![Some(Kind(0))], 1), "{post}");
        }
    }
}

#[tokio::test]
async fn what_a_user_did_since_is_not_undone_by_an_import() {
    let folder = TempDir::new().unwrap();
    let machine = open(folder.path());
    machine.store.apply(op("live", "p", "u", None, 100)).await.unwrap();
    let older = machine.store.import(op("old", "p", "u", Some(0), 99)).await.unwrap();
    assert_eq!((older, machine.board.total("p")), (None, 0));
    let newer = machine.store.import(op("new", "p", "u", Some(0), 101)).await.unwrap();
    assert!(newer.unwrap().outcome.changed);
}
