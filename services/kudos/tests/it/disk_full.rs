//! A volume of its own that is filled: writes wait, reads go on, and nothing needs a restart.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use crate::support::{Api, Launch, Load, Op, Shared, kudos, numbered_posts};

const MIB: usize = 1 << 20;

/// A volume of 64 MiB in memory.
struct SmallVolume(TempDir);

impl SmallVolume {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), Some(c"size=64m"));
        if let Err(error) = mounted {
            panic!("this test mounts a tmpfs of 64 MiB and has to be run as root: {error}");
        }
        Self(folder)
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Takes space until `spare` bytes are left.
    async fn fill(&self, spare: u64) -> Ballast {
        let folder = self.0.path().to_owned();
        let filled = tokio::task::spawn_blocking(move || Ballast::take(&folder, spare));
        filled.await.unwrap()
    }
}

impl Drop for SmallVolume {
    fn drop(&mut self) {
        // Detached: a server that is just being killed may still hold files open.
        unmount(self.0.path(), UnmountFlags::DETACH).unwrap();
    }
}

/// Space that is taken until it is dropped.
struct Ballast(PathBuf);

impl Ballast {
    fn take(folder: &Path, spare: u64) -> Self {
        let path = folder.join(format!("ballast-{spare}"));
        let mut file = File::create_new(&path).unwrap();
        for size in [MIB, 64 << 10, 4 << 10] {
            while free(folder) >= spare + size as u64 {
                match file.write_all(&vec![0xff; size]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        Self(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn free(folder: &Path) -> u64 {
    let volume = rustix::fs::statvfs(folder).unwrap();
    volume.f_bavail * volume.f_frsize
}

async fn readiness(api: &Api) -> String {
    let answer = api.get("/readyz?verbose").await;
    assert_eq!(answer.status, 200);
    answer.json()["readiness"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn on_a_full_disk_writes_wait_and_reads_go_on_and_freed_space_needs_no_restart() {
    let volume = SmallVolume::new();
    let (ledger, posts) = (Shared::default(), numbered_posts(20));
    let server = kudos(&volume.data()).await;
    let api = server.api();
    ledger.publish(&api, &posts).await;
    Load::new(&posts, &ledger, 8, 20, 1).run(&api).await;
    let ballast = volume.fill(0).await;

    let like = Op::new("full", "p000", "ann", Some("like"));
    let refused = api.send(&like).await.unwrap();
    assert_eq!((refused.status, refused.problem()), (507, "no-space".into()));
    assert_eq!(refused.header("retry-after").as_deref(), Some("30"));
    ledger.with(|ledger| ledger.doubt(like));
    let mut post = posts[0].clone();
    post.title = "No room for this".to_owned();
    assert_eq!(api.put_post(&post).await.problem(), "no-space");

    ledger.check_survivors(&api).await;
    assert_eq!(api.walk("sort=popular").await.len(), 20);
    assert_eq!(readiness(&api).await, "degraded");

    drop(ballast);
    ledger.settle(&api).await;
    Load::new(&posts, &ledger, 8, 20, 2).run(&api).await;
    ledger.check(&api).await;
    server.kill().await;
    ledger.check(&kudos(&volume.data()).await.api()).await;
}

#[tokio::test]
async fn a_commit_that_runs_out_of_space_half_way_is_recovered_without_a_restart() {
    /// How often the disk is filled at a moment that should be in the middle of a commit.
    const TRIES: u64 = 10;
    let volume = SmallVolume::new();
    let (ledger, posts) = (Shared::default(), numbered_posts(20));
    // Between its look at the free space and its write, each commit waits long enough for the
    // space to go.
    let launch = Launch::on(&volume.data()).failpoint("commit::before", "sleep(100)");
    let server = launch.start().await;
    let api = server.api();
    ledger.publish(&api, &posts).await;
    // The rest can be filled at once, and is well above the reserve that the server keeps.
    let _most = volume.fill(20 << 20).await;

    for seed in 1..=TRIES {
        let load = Load::new(&posts, &ledger, 32, usize::MAX, seed);
        let mut count = load.acknowledged();
        let mut run = pin!(load.run(&api));
        tokio::select! {
            ended = &mut run => panic!("refused with room to spare: {ended:?}"),
            reached = count.wait_for(|&count| count >= 20) => drop(reached.unwrap()),
        }
        // The next commit begins as soon as its clients have heard of the last one. Nobody outside
        // sees when: a quick disk would be full before, so each try comes a little later.
        let fill = async {
            tokio::time::sleep(Duration::from_millis(5 * seed)).await;
            volume.fill(0).await
        };
        let (full, ended) = tokio::join!(fill, run);
        assert_eq!((ended.refused, ended.lost), (32, 0));
        // While it is full, reads go on, whatever became of the commit.
        ledger.check_survivors(&api).await;
        drop(full);
        ledger.settle(&api).await;
        if server.log().contains("a commit failed") {
            break;
        }
    }
    let log = server.log();
    assert!(log.contains("a commit failed"), "never full in the middle:\n{log}");
    assert!(log.contains("the store accepts writes again"), "{log}");
    ledger.check(&api).await;
    server.kill().await;
    ledger.check(&kudos(&volume.data()).await.api()).await;
}
