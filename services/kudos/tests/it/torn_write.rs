//! What a power cut leaves of the last write: a file that ends early, holes, garbage.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use futures::StreamExt;
use futures::stream;

use crate::support::{Launch, Op, Shared, kudos, numbered_posts};

/// The part of the journal that the last, unacknowledged write filled.
struct LastWrite {
    journal: PathBuf,
    begin: u64,
    end: u64,
}

type Damage = fn(&LastWrite, &File);

/// Every way in which the last write may be broken.
const DAMAGES: [(&str, Damage); 9] = [
    ("cut off before its first byte", |at, file| file.set_len(at.begin).unwrap()),
    ("cut off after one byte", |at, file| file.set_len(at.begin + 1).unwrap()),
    ("cut off in the middle", |at, file| file.set_len(at.middle()).unwrap()),
    ("cut off before its last byte", |at, file| file.set_len(at.end - 1).unwrap()),
    ("zeros instead of its second half", |at, file| at.fill(file, at.middle(), at.end, 0)),
    ("zeros instead of its first half", |at, file| at.fill(file, at.begin, at.middle(), 0)),
    ("a hole of zeros inside", |at, file| at.fill(file, at.middle(), at.middle() + 16, 0)),
    ("a flipped bit in the last value", |at, file| {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at.end - 24).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at.end - 24).unwrap();
    }),
    ("garbage instead of its last bytes", |at, file| {
        at.fill(file, at.end - 12, at.end, 0xa5);
    }),
];

impl LastWrite {
    fn middle(&self) -> u64 {
        self.begin.midpoint(self.end)
    }

    fn fill(&self, file: &File, from: u64, to: u64, byte: u8) {
        let length = usize::try_from(to - from).unwrap();
        file.write_all_at(&vec![byte; length], from).unwrap();
    }
}

/// The newest journal, and where what was written to it ends: it is allocated in advance.
fn end_of_journal(data: &Path) -> (PathBuf, u64) {
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let entries = fs::read_dir(data.join("store")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let journals = files.filter(|path| path.extension().is_some_and(|name| name == "jnl"));
    let newest = journals.max_by_key(number).expect("a journal");
    let bytes = fs::read(&newest).unwrap();
    let last = bytes.iter().rposition(|&byte| byte != 0).expect("something was written");
    (newest, last as u64 + 1)
}

/// Folders and files only: not the socket of the server that was killed.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_file() {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

#[tokio::test]
async fn whatever_a_torn_last_write_looks_like_all_before_it_is_there() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, posts) = (Shared::default(), numbered_posts(5));
    let server = kudos(data.path()).await;
    let api = server.api();
    ledger.publish(&api, &posts).await;
    for i in 0..30 {
        let op = Op::new("k", &format!("p00{}", i % 5), &format!("u{i}"), Some("like"));
        let answer = api.send(&op).await.unwrap();
        ledger.with(|ledger| ledger.acknowledge(&op, &answer));
    }
    server.stop().await;

    // The start itself may write; what the last operation writes lies behind that.
    let server = kudos(data.path()).await;
    let (journal, begin) = end_of_journal(data.path());
    let last = Op::new("last", "p000", "ann", Some("love"));
    server.api().react(&last).await;
    ledger.with(|ledger| ledger.doubt(last));
    server.kill().await;
    let (same, end) = end_of_journal(data.path());
    assert_eq!(journal, same);
    let journal = journal.strip_prefix(data.path()).unwrap().to_owned();
    let at = LastWrite { journal, begin, end };
    assert!(end > begin + 64, "{begin}..{end}");

    let failed: Vec<String> = stream::iter(DAMAGES)
        .filter_map(async |(name, damage)| {
            let copied = tempfile::tempdir().unwrap();
            copy(data.path(), copied.path());
            let path = copied.path().join(&at.journal);
            damage(&at, &OpenOptions::new().read(true).write(true).open(path).unwrap());
            match Launch::on(copied.path()).try_start().await {
                Err(log) => Some(format!("{name}: no start\n{log}")),
                Ok(server) => {
                    ledger.check_survivors(&server.api()).await;
                    None
                }
            }
        })
        .collect()
        .await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
