//! One file for each line of the table.

pub(crate) mod all;
pub(crate) mod durable;
pub(crate) mod filled;
pub(crate) mod growth;
pub(crate) mod http;
pub(crate) mod memory;
pub(crate) mod one_post;
pub(crate) mod popular;
pub(crate) mod postgres;

use std::path::PathBuf;

use clap::Args;

/// How thoroughly to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Effort {
    /// Three pairs of short turns: for development, too coarse to quote.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Directory for data, on the disk to measure; a temporary one when absent.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
}

impl Effort {
    /// Pairs of turns of each ratio.
    pub(crate) fn pairs(&self) -> u64 {
        if self.quick { 3 } else { 7 }
    }

    /// What a document says of how it was measured, if it is a reservation.
    pub(crate) fn caveat(&self) -> &'static str {
        if self.quick { "This was a quick run: too coarse to quote.\n\n" } else { "" }
    }

    /// Likes of a turn, fewer when quick.
    pub(crate) fn likes(&self, thorough: u64) -> u64 {
        if self.quick { thorough / 2 } else { thorough }
    }

    /// Posts of a filled folder.
    pub(crate) fn posts(&self) -> u64 {
        if self.quick { 100_000 } else { 1_000_000 }
    }

    /// Sizes from which growth is measured up to that of a filled folder, in posts.
    pub(crate) fn sizes(&self) -> &'static [u64] {
        if self.quick { &[10_000] } else { &[10_000, 100_000] }
    }

    /// An empty folder that goes away by itself.
    pub(crate) fn folder(&self) -> std::io::Result<tempfile::TempDir> {
        match &self.dir {
            Some(dir) => tempfile::tempdir_in(dir),
            None => tempfile::tempdir(),
        }
    }
}
