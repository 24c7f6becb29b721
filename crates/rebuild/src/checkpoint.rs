//! How far a rebuild has come, in a small file.
//!
//! It is written anew and renamed, so that it is whole whenever the process dies. What was written
//! to the live counts after it is written again: that changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kudos_core::ports::{Loss, Position, ScanCursor};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};

use crate::error::CheckpointError;
use crate::walk::Todo;

/// The form of the file.
const VERSION: u32 = 1;

/// Held while a file is written, also by who was dropped meanwhile and is waited for by nobody.
static DISK: Mutex<()> = Mutex::new(());

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Saved {
    version: u32,
    /// What is rebuilt, and from where to where.
    of: String,
    /// Whether the hottest posts were told.
    hottest: bool,
    /// The loss that is made up for.
    loss: Option<String>,
    /// By share how far it was told; those that are missing have not begun.
    shares: BTreeMap<u32, At>,
    log: Option<Log>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// The next page begins at this cursor, in hexadecimal digits.
    Cursor(String),
    End,
}

/// How far a log was replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    pub(crate) since: u64,
    at: String,
    end: String,
    pub(crate) events: u64,
}

impl Log {
    pub(crate) fn new(since: u64, at: &Position, end: &Position) -> Self {
        Self { since, at: at.to_string(), end: end.to_string(), events: 0 }
    }

    /// From where to where is left.
    pub(crate) fn left(&self) -> Option<(Position, Position)> {
        Some((self.at.parse().ok()?, self.end.parse().ok()?))
    }
}

/// The checkpoint of one rebuild.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    saved: Mutex<Saved>,
    /// When the file was written last. Held while it is written.
    writing: tokio::sync::Mutex<Option<Instant>>,
}

impl Checkpoint {
    /// That of a new rebuild, described by `of`. A file that is there is replaced at the first save.
    pub fn new(path: &Path, of: &str) -> Self {
        Self::with(path, Saved { version: VERSION, of: of.to_owned(), ..Saved::default() })
    }

    /// That of a rebuild that was not finished.
    ///
    /// # Errors
    /// There is none, or it is of another rebuild.
    pub async fn resume(path: &Path, of: &str) -> Result<Self, CheckpointError> {
        let io = |error| CheckpointError::Io { path: path.to_owned(), error };
        let text = tokio::fs::read(path).await.map_err(io)?;
        let damaged = || CheckpointError::Damaged { path: path.to_owned() };
        let saved: Saved = serde_json::from_slice(&text).map_err(|_| damaged())?;
        let readable = saved.shares.values().all(|at| at.cursor().is_some() || *at == At::End);
        let log = saved.log.as_ref().is_none_or(|log| log.left().is_some());
        if saved.version != VERSION || !readable || !log {
            return Err(damaged());
        }
        if saved.of != of {
            let (found, wanted) = (saved.of, of.to_owned());
            return Err(CheckpointError::Other { path: path.to_owned(), found, wanted });
        }
        Ok(Self::with(path, saved))
    }

    fn with(path: &Path, saved: Saved) -> Self {
        Self { path: path.to_owned(), saved: Mutex::new(saved), writing: Default::default() }
    }

    /// Writes it.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn save(&self) -> Result<(), CheckpointError> {
        let mut written = self.writing.lock().await;
        self.write().await?;
        *written = Some(Instant::now());
        Ok(())
    }

    /// Writes it, if the rebuild has begun: else what is there may be of another one.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn save_if_begun(&self) -> Result<(), CheckpointError> {
        let written = self.writing.lock().await;
        if written.is_some() { self.write().await } else { Ok(()) }
    }

    /// Removes the file: there is nothing left to resume.
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn remove(&self) -> Result<(), CheckpointError> {
        let _writing = self.writing.lock().await;
        match tokio::fs::remove_file(&self.path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CheckpointError::Io { path: self.path.clone(), error })
            }
            _ => Ok(()),
        }
    }

    /// Writes it if that was not done lately.
    pub(crate) async fn save_now_and_then(&self, every: Duration) -> Result<(), CheckpointError> {
        // Who writes already is new enough.
        let Ok(mut written) = self.writing.try_lock() else { return Ok(()) };
        if written.is_none_or(|at| at.elapsed() >= every) {
            self.write().await?;
            *written = Some(Instant::now());
        }
        Ok(())
    }

    async fn write(&self) -> Result<(), CheckpointError> {
        let text = serde_json::to_vec(&*self.saved.lock());
        let path = self.path.clone();
        let replace = move || {
            let _one = DISK.lock();
            replace(&path, &text?)
        };
        let written = tokio::task::spawn_blocking(replace).await;
        let written = written.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
        written.map_err(|error| CheckpointError::Io { path: self.path.clone(), error })
    }

    /// The loss that is made up for, and whether it is known.
    pub(crate) fn loss(&self) -> Option<Loss> {
        self.saved.lock().loss.clone().map(Loss)
    }

    pub(crate) fn set_loss(&self, loss: &Loss) {
        self.saved.lock().loss = Some(loss.0.clone());
    }

    pub(crate) fn needs_hottest(&self) -> bool {
        !self.saved.lock().hottest
    }

    pub(crate) fn told_hottest(&self) {
        self.saved.lock().hottest = true;
    }

    /// Of these shares, those that are not told to their end, each from where it is.
    pub(crate) fn left(&self, shares: Vec<Todo>) -> Vec<Todo> {
        let saved = self.saved.lock();
        let left = shares.into_iter().filter_map(|(part, begin)| match saved.shares.get(&part) {
            None => Some((part, begin)),
            Some(At::End) => None,
            Some(at) => Some((part, at.cursor())),
        });
        left.collect()
    }

    pub(crate) fn told(&self, part: u32, next: Option<&ScanCursor>) {
        let at = next.map_or(At::End, |next| At::Cursor(hex(&next.0)));
        self.saved.lock().shares.insert(part, at);
    }

    pub(crate) fn log(&self) -> Option<Log> {
        self.saved.lock().log.clone()
    }

    pub(crate) fn set_log(&self, log: Log) {
        self.saved.lock().log = Some(log);
    }

    /// The log was replayed to this place. Answers with the events in all.
    pub(crate) fn replayed(&self, at: &Position, events: u64) -> u64 {
        let mut saved = self.saved.lock();
        let Some(log) = saved.log.as_mut() else { return events };
        log.at = at.to_string();
        log.events += events;
        log.events
    }
}

impl At {
    fn cursor(&self) -> Option<ScanCursor> {
        match self {
            Self::Cursor(digits) => unhex(digits).map(ScanCursor),
            Self::End => None,
        }
    }
}

/// Puts a file in the place of another, whole or not at all.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = std::fs::File::create(&beside)?;
    std::io::Write::write_all(&mut file, text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_checkpoint_reads_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint.json");
        let before = Checkpoint::new(&path, "everything");
        before.set_loss(&Loss("!loading:1".into()));
        before.told(0, None);
        before.told(1, Some(&ScanCursor(vec![0, 255, 16])));
        before.set_log(Log::new(7, &Position(vec![1, 2]), &Position(vec![3, 4])));
        assert_eq!(before.replayed(&Position(vec![2, 2]), 5), 5);
        before.save().await.unwrap();
        let after = Checkpoint::resume(&path, "everything").await.unwrap();
        let shares = (0..3).map(|part| (part, None)).collect();
        assert_eq!(after.left(shares), [(1, Some(ScanCursor(vec![0, 255, 16]))), (2, None)]);
        assert_eq!(after.loss(), Some(Loss("!loading:1".into())));
        assert!(after.needs_hottest());
        let log = after.log().unwrap();
        assert_eq!((log.since, log.events), (7, 5));
        assert_eq!(log.left(), Some((Position(vec![2, 2]), Position(vec![3, 4]))));
        after.remove().await.unwrap();
        after.remove().await.unwrap();
        let gone = Checkpoint::resume(&path, "everything").await;
        assert!(matches!(gone, Err(CheckpointError::Io { .. })));
    }

    #[tokio::test]
    async fn a_checkpoint_of_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint.json");
        Checkpoint::new(&path, "everything").save().await.unwrap();
        let other = Checkpoint::resume(&path, "a part").await.unwrap_err();
        assert!(matches!(&other, CheckpointError::Other { .. }), "{other}");
        let good = std::fs::read_to_string(&path).unwrap();
        for text in [
            String::new(),
            "{}".into(),
            good.replace("\"version\":1", "\"version\":2"),
            good.replace("\"shares\":{}", r#""shares":{"0":{"cursor":"zz"}}"#),
            good.replace("\"log\":null", r#""log":{"since":1,"at":"","end":"1","events":0}"#),
        ] {
            std::fs::write(&path, &text).unwrap();
            let refused = Checkpoint::resume(&path, "everything").await.unwrap_err();
            assert!(matches!(&refused, CheckpointError::Damaged { .. }), "{text}: {refused}");
        }
    }

    #[test]
    fn digits_are_read_with_care() {
        assert_eq!(unhex(&hex(b"\x00\xff")), Some(vec![0, 255]));
        for bad in ["0", "zz", "äö"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
