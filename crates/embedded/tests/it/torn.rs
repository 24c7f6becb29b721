//! What a power cut can leave of the last batch: the batches before it are there, and the store
//! opens.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use kudos_core::ports::ReactionStore;
use kudos_core::{Kind, Millis, Operation, PostId, SystemClock, UserId};
use kudos_embedded::{Embedded, Options};
use tempfile::TempDir;

/// Operations that are committed one after the other, each a batch of its own.
const COMMITS: u64 = 20;

fn post() -> PostId {
    PostId::new("p").unwrap()
}

fn open(folder: &TempDir) -> Embedded {
    Embedded::open(folder.path(), &Options::default(), Arc::new(SystemClock)).unwrap()
}

async fn like(backends: &Embedded, user: u64) {
    let user = UserId::new(&format!("user-{user}")).unwrap();
    let op = Operation::unkeyed(post(), user, Some(Kind(0)), Millis(1));
    backends.store.apply(op).await.unwrap();
}

async fn likes(backends: &Embedded) -> u64 {
    let states = backends.store.states(&[post()]).await.unwrap();
    states[0].as_ref().map_or(0, |state| state.counts.total())
}

/// A folder with commits, the place of the last byte of its journal, and the journal.
async fn written() -> (TempDir, PathBuf, u64) {
    let folder = TempDir::new().unwrap();
    let backends = open(&folder);
    for user in 0..COMMITS {
        like(&backends, user).await;
    }
    drop(backends);
    let files = fs::read_dir(folder.path().join("store")).unwrap();
    let mut journals: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    journals.retain(|path| path.extension().is_some_and(|extension| extension == "jnl"));
    journals.sort();
    let journal = journals.pop().unwrap();
    let bytes = fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() as u64 + 1;
    (folder, journal, end)
}

fn overwrite(journal: &PathBuf, at: u64, change: impl FnOnce(&mut [u8]), length: usize) {
    let mut file = OpenOptions::new().read(true).write(true).open(journal).unwrap();
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut bytes).unwrap();
    change(&mut bytes);
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&bytes).unwrap();
}

/// Opens the damaged folder, finds all but the last commit, and writes on over a restart.
async fn assert_only_the_last_batch_is_lost(folder: TempDir) {
    let backends = open(&folder);
    assert_eq!(likes(&backends).await, COMMITS - 1);
    like(&backends, 1_000).await;
    drop(backends);
    assert_eq!(likes(&open(&folder)).await, COMMITS);
}

#[tokio::test]
async fn a_last_batch_that_is_cut_short_is_dropped() {
    let (folder, journal, end) = written().await;
    OpenOptions::new().write(true).open(&journal).unwrap().set_len(end - 5).unwrap();
    assert_only_the_last_batch_is_lost(folder).await;
}

#[tokio::test]
async fn a_last_batch_whose_end_was_never_written_is_dropped() {
    let (folder, journal, end) = written().await;
    overwrite(&journal, end - 30, |bytes| bytes.fill(0), 30);
    assert_only_the_last_batch_is_lost(folder).await;
}

#[tokio::test]
async fn a_last_batch_with_a_hole_in_a_value_is_dropped_and_kept_aside() {
    let (folder, journal, end) = written().await;
    overwrite(&journal, end - 40, |bytes| bytes[0] ^= 0xff, 1);
    assert_only_the_last_batch_is_lost(folder).await;
}
