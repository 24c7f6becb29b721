//! What the commands do with a data folder, wherever they run: in their own process, or inside a
//! running server that was asked over the control socket.

mod error;
mod report;
mod seed;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kudos_core::{Kinds, SystemClock};
use kudos_embedded::{Embedded, OpenError};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
pub(crate) use error::JobError;
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
    /// Opens the data folder of the settings for this process alone.
    pub(crate) fn open(settings: &Settings) -> Result<Self, OpenError> {
        let options = settings.store_options();
        let backends = Embedded::open(&settings.data.path, &options, Arc::new(SystemClock))?;
        Ok(Self::of(backends, settings))
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
        }
    }
}

/// Where the control socket of a data folder is.
pub(crate) fn control_socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}
