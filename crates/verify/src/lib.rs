//! Whether every copy is what the truth says, asked by a person: each difference named by post and
//! copy, and mended if that is wanted.
//!
//! The auditor (`kudos-projection`) asks the same of the live counts, slowly and for ever, and mends
//! what a merge by version can mend. This one is apart from it, because it asks once and as fast as
//! it may, of every copy ([`Mirror`](kudos_core::ports::Mirror)), also for what no copy should hold,
//! stops when it is told to, and mends what no merge can: a copy that says something wrong under
//! the right version or a later one.
//!
//! Everything is compared under load: a copy is behind for a moment after each change, so what
//! differs at the first look is looked at again, against a fresh truth.
//!
//! | question | file |
//! |---|---|
//! | in which order is what looked at? | `verifier.rs` |
//! | what is a difference, and what only a change under way? | `judge.rs` |
//! | how is a second look taken? | `look.rs` |
//! | are the counts those of the rows? | `rows.rs` |
//! | what does a copy hold that the truth does not know? | `strangers.rs` |
//! | how is a copy mended? | `mend.rs` |
//! | what comes out? | `report.rs` |
//! | what if the truth is slow to answer? | `truth.rs` |

mod judge;
mod look;
mod mend;
mod report;
mod rows;
mod settings;
mod strangers;
mod truth;
mod verifier;

pub use report::{CopyReport, Difference, Failure, Field, POSTS, Progress, Report, Wrong};
pub use settings::VerifySettings;
pub use verifier::Verifier;
