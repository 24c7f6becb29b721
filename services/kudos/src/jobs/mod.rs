//! What the commands do with a data folder, wherever they run: in their own process, or inside a
//! running server that was asked over the control socket.

mod backup;
mod counts;
mod error;
mod explain;
mod import;
mod report;
mod seed;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kudos_core::{Kinds, PostId, SystemClock};
use kudos_embedded::{Embedded, OpenError};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
pub(crate) use error::JobError;
pub(crate) use import::{FileFormat, ImportFiles};
pub(crate) use report::{Event, Reporter};
pub(crate) use seed::SeedArgs;

/// Writes that wait for one group commit together.
const IN_FLIGHT: usize = 512;

/// Something to do with a data folder. Paths are absolute: another process may do it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub(crate) enum Job {
    /// Fill in posts and reactions.
    Seed(SeedArgs),
    /// Load somebody's own posts and reactions.
    Import(ImportFiles),
    /// Copy the data.
    Backup { dir: PathBuf },
    /// Compare every count with a recount.
    Verify,
    /// Show every copy of a post's count.
    Explain { post: PostId },
}

impl Job {
    /// Whether there has to be data before.
    fn needs_data(&self) -> bool {
        matches!(self, Self::Backup { .. } | Self::Verify | Self::Explain { .. })
    }
}

/// What a job came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The exit code of the command.
    pub(crate) exit: u8,
    /// For a person, without a newline at its end.
    pub(crate) text: String,
    /// For a script: one JSON document.
    pub(crate) json: String,
}

impl Outcome {
    fn new(exit: u8, text: String, document: &impl Serialize) -> Result<Self, JobError> {
        Ok(Self { exit, text, json: serde_json::to_string(document)? })
    }
}

/// An open data folder, and the settings that concern jobs.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) backends: Embedded,
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) data: PathBuf,
    /// Whether a post has to be stored before it takes reactions.
    pub(crate) require_known: bool,
}

impl Place {
    /// Opens the data folder of the settings for this process alone; none if another process has
    /// it open.
    pub(crate) fn open(settings: &Settings, job: &Job) -> Result<Option<Self>, JobError> {
        let (data, options) = (&settings.data.path, settings.store_options());
        if job.needs_data() && !data.join("store").exists() {
            return Err(JobError::NoData(data.clone()));
        }
        match Embedded::open(data, &options, Arc::new(SystemClock)) {
            Ok(backends) => Ok(Some(Self::of(backends, settings))),
            Err(OpenError::Locked(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The backends of a running server.
    pub(crate) fn of(backends: Embedded, settings: &Settings) -> Self {
        Self {
            backends,
            kinds: Arc::new(settings.kinds.clone()),
            data: settings.data.path.clone(),
            require_known: settings.write.require_known,
        }
    }

    /// Does a job. Dropping the future ends it where it is; what was written stays written.
    pub(crate) async fn run(&self, job: Job, reporter: &Reporter) -> Result<Outcome, JobError> {
        match job {
            Job::Seed(args) => seed::run(self, args, reporter).await,
            Job::Import(files) => import::run(self, files, reporter).await,
            Job::Backup { dir } => backup::run(self, dir, reporter).await,
            Job::Verify => verify::run(self, reporter).await,
            Job::Explain { post } => explain::run(self, post).await,
        }
    }
}

/// Runs long blocking work beside the requests of a server.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JobError> {
    Ok(tokio::task::spawn_blocking(work).await?)
}

/// Where the control socket of a data folder is.
pub(crate) fn control_socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}
