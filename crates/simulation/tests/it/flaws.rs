//! Parts that are broken on purpose: the chain must not be exact with them.

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{OutageJournal, Ticket};
use kudos_core::{PortError, PostId};

/// What is broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// A commit that is under way is not waited for.
    SettlesNothing,
    /// The journal is not told which sink missed something.
    ForgetsMisses,
    /// The journal is not told which commits are in doubt.
    ForgetsDoubts,
    /// Nobody looks whether live counts lost what they were told.
    LosesSilently,
}

/// A journal that is not told everything.
pub(crate) struct Forgetful {
    pub(crate) inner: Arc<dyn OutageJournal>,
    pub(crate) flaw: Flaw,
}

#[async_trait]
impl OutageJournal for Forgetful {
    async fn cover(&self, post: &PostId) -> Result<Ticket, PortError> {
        self.inner.cover(post).await
    }

    fn missed(&self, ticket: Ticket, sink: &'static str) {
        if self.flaw != Flaw::ForgetsMisses {
            self.inner.missed(ticket, sink);
        }
    }

    fn in_doubt(&self, ticket: Ticket) {
        if self.flaw != Flaw::ForgetsDoubts {
            self.inner.in_doubt(ticket);
        }
    }

    fn end(&self, ticket: Ticket) {
        self.inner.end(ticket);
    }
}
