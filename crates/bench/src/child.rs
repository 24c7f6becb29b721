//! A program that a measurement runs.

use std::process::Child;

/// A child process, killed when it is dropped: none has anything left to lose.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
