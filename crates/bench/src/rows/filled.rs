//! A data folder full of posts, for the rows that need one.

use std::time::Instant;

use tempfile::TempDir;

use super::Effort;
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::report::progress;

/// Likes that the folder holds, so that there is an order of popularity.
pub(crate) const LIKES: u64 = 50_000;

/// A data folder with posts and [`LIKES`] likes on them, closed.
pub(crate) struct Filled {
    /// Where it is, until it is dropped.
    pub(crate) folder: TempDir,
    /// How many posts it holds.
    pub(crate) posts: u64,
}

impl Filled {
    /// Fills a folder.
    pub(crate) fn new(effort: &Effort) -> Result<Self, Error> {
        let (folder, posts) = (effort.folder()?, effort.posts());
        let begun = Instant::now();
        let likers = Likers::open(folder.path())?;
        likers.store_posts(posts)?;
        likers.send(Likes::over(posts), 0, LIKES)?;
        drop(likers);
        let took = begun.elapsed().as_secs_f64();
        progress(format_args!("filled a folder with {posts} posts in {took:.1} s"));
        Ok(Self { folder, posts })
    }
}
