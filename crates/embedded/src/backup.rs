//! A consistent backup while the store is in use.
//!
//! The copy grows in `DIR.partial` beside the target and takes its name only when it is whole and
//! on disk, so that half a backup is never taken for a backup. The text index is not copied: it is
//! built anew at the first start.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Embedded;
use crate::maintenance::{MaintenanceError, Watch};

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Records that it holds.
    pub records: u64,
}

impl Embedded {
    /// Copies the durable state of now into `dir`, which must be absent or empty. The copy is a
    /// data folder: to restore it, open it.
    ///
    /// It blocks for as long as the disks need.
    ///
    /// # Errors
    /// [`MaintenanceError`]; then `dir` is as it was.
    pub fn backup(&self, dir: &Path, watch: &mut Watch<'_>) -> Result<Backup, MaintenanceError> {
        check_empty(dir)?;
        let partial = Partial::begin(dir)?;
        let records = self.store.copy_to(&partial.path.join("store"), watch)?;
        partial.finish(dir)?;
        Ok(Backup { records })
    }
}

/// The folder of a backup in the making.
struct Partial {
    path: PathBuf,
    /// Held, so that no second backup writes here.
    _lock: File,
}

impl Partial {
    fn begin(dir: &Path) -> Result<Self, MaintenanceError> {
        let mut name = dir.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = dir.with_file_name(name);
        fs::create_dir_all(&path).map_err(files(&path))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(files(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(MaintenanceError::Busy(path)),
            Err(TryLockError::Error(error)) => return Err(files(&lock_path)(error)),
        }
        // What a killed backup left behind.
        let store = path.join("store");
        match fs::remove_dir_all(&store) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(files(&store)(error)),
            _ => Ok(Self { path, _lock: lock }),
        }
    }

    fn finish(self, dir: &Path) -> Result<(), MaintenanceError> {
        let lock = self.path.join("lock");
        fs::remove_file(&lock).map_err(files(&lock))?;
        sync_folder(&self.path)?;
        // Replaces an empty folder, and nothing else.
        fs::rename(&self.path, dir).map_err(files(dir))?;
        match dir.parent() {
            Some(parent) if parent != Path::new("") => sync_folder(parent),
            _ => sync_folder(Path::new(".")),
        }
    }
}

fn check_empty(dir: &Path) -> Result<(), MaintenanceError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(MaintenanceError::NotEmpty(dir.to_owned())),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(MaintenanceError::NotEmpty(dir.to_owned()))
        }
        Err(error) => Err(files(dir)(error)),
    }
}

/// Puts on disk which files a folder has.
fn sync_folder(folder: &Path) -> Result<(), MaintenanceError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(files(folder))
}

fn files(path: &Path) -> impl Fn(std::io::Error) -> MaintenanceError + use<> {
    let path = path.to_owned();
    move |source| MaintenanceError::Files { path: path.clone(), source }
}
