//! Copies the data folder while it is in use.

use std::path::{Path, PathBuf};

use kudos_embedded::Backup;
use serde::Serialize;

use super::{JobError, Outcome, Place, Reporter, blocking};

#[derive(Serialize)]
struct Document<'a> {
    dir: &'a Path,
    records: u64,
}

/// Writes a backup into `dir`.
pub(super) async fn run(
    place: &Place,
    dir: PathBuf,
    reporter: &Reporter,
) -> Result<Outcome, JobError> {
    let (backends, telling, into) = (place.backends.clone(), reporter.clone(), dir.clone());
    let backup =
        blocking(move || backends.backup(&into, &mut |step| telling.step("records", step)));
    let Backup { records } = backup.await??;
    let shown = dir.display();
    let text = format!("{records} records are in {shown}\nto use it: kudos serve --data {shown}");
    Outcome::new(0, text, &Document { dir: &dir, records })
}
