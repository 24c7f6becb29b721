//! Whether the counts are those of the rows. Nothing mends the truth: that is for a person.

use kudos_core::Snapshot;
use kudos_core::ports::Facts;

use crate::judge::fields;
use crate::report::{Difference, Failure, Wrong};
use crate::verifier::Verifier;

/// The name under which rows differ, or cannot be counted.
pub(crate) const ROWS: &str = "rows";
/// How often rows are counted again because the post changed meanwhile.
const RECOUNTS: usize = 3;

/// What a recount came to.
pub(crate) enum Recount {
    Equal,
    Different(Difference),
    /// The post changed all the while.
    Unsettled,
}

impl Verifier {
    /// Counts the rows of a post. The counts beside them are taken as right only if the post did
    /// not change while its rows were read.
    pub(crate) async fn recount(&self, snapshot: &Snapshot) -> Result<Recount, Failure> {
        let post = &snapshot.post.id;
        let mut state = snapshot.state.clone();
        for _ in 0..RECOUNTS {
            let counted = self.truth.recount(post).await.map_err(|failure| failure.about(post))?;
            let now = self.truth.read(std::slice::from_ref(post)).await?;
            let Some(now) = now.into_iter().next().flatten() else { break };
            if now.state.version == state.version {
                if counted == state.counts {
                    return Ok(Recount::Equal);
                }
                let facts = |counts| Facts::new().with_counts(counts, &self.kinds);
                return Ok(Recount::Different(Difference {
                    post: post.clone(),
                    copy: ROWS,
                    wrong: Wrong::Different,
                    fields: fields(&facts(&state.counts), &facts(&counted)),
                    mended: self.settings.mend.then_some(false),
                }));
            }
            state = now.state;
        }
        Ok(Recount::Unsettled)
    }
}
