//! What the long jobs on a data folder have in common: they tell how far they are, and end early
//! when nobody wants them any more.

use std::ops::ControlFlow;
use std::path::PathBuf;

use kudos_core::PortError;

use crate::options::OpenError;

/// How far a job is, in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Records that were done.
    pub done: u64,
    /// An estimate of all; never less than `done`.
    pub total: u64,
}

/// Is told each step, and says whether to go on.
pub type Watch<'w> = dyn FnMut(Step) -> ControlFlow<()> + 'w;

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// The store could not be read or written.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The copy does not open.
    #[error("the copy: {0}")]
    Open(OpenError),
    /// The watcher said so.
    #[error("cancelled")]
    Cancelled,
    /// A backup never writes over anything.
    #[error("{} is not an empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// Two backups would write the same copy.
    #[error("another backup is writing {}", .0.display())]
    Busy(PathBuf),
    /// A file or folder could not be written.
    #[error("{}", .path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Counts records, and tells the watcher of every few thousand.
pub(crate) struct Steps<'s, 'w> {
    watch: &'s mut Watch<'w>,
    step: Step,
}

impl<'s, 'w> Steps<'s, 'w> {
    /// Steps towards an estimated total.
    pub(crate) fn new(watch: &'s mut Watch<'w>, total: u64) -> Self {
        Self { watch, step: Step { done: 0, total } }
    }

    /// One more record is done.
    pub(crate) fn one(&mut self) -> Result<(), MaintenanceError> {
        self.step.done += 1;
        match self.step.done.is_multiple_of(4096) {
            true => self.tell(),
            false => Ok(()),
        }
    }

    /// All records are done. Returns how many there were.
    pub(crate) fn end(mut self) -> Result<u64, MaintenanceError> {
        self.step.total = self.step.done;
        self.tell().map(|()| self.step.done)
    }

    fn tell(&mut self) -> Result<(), MaintenanceError> {
        self.step.total = self.step.total.max(self.step.done);
        match (self.watch)(self.step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(MaintenanceError::Cancelled),
        }
    }
}
