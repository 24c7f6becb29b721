//! One page of posts, compared copy by copy.

use std::collections::HashMap;

use kudos_core::ports::{LiveEntry, Put};
use kudos_core::{PortError, PostId, Snapshot};
use kudos_degraded::Deadline;
use tokio::time::sleep;

use super::Auditor;
use super::report::{AuditReport, Difference, Drift, Held};

/// How often rows are counted again because the post changed meanwhile.
const RECOUNTS: usize = 3;

impl Auditor {
    /// The counts beside the rows are those of the rows. Nothing repairs the truth.
    pub(super) async fn check_rows(
        &self,
        snapshot: &Snapshot,
        report: &mut AuditReport,
    ) -> Result<(), PortError> {
        let post = &snapshot.post.id;
        let mut state = snapshot.state.clone();
        for _ in 0..RECOUNTS {
            let counted = self.bounded(self.truth.recount(post)).await?;
            let after = self.read(std::slice::from_ref(post)).await?;
            let Some(after) = after.into_iter().next() else { break };
            if after.state.version == state.version {
                report.recounted += 1;
                if counted != state.counts {
                    let found = Some(Held { version: None, counts: counted });
                    let truth = Held::from(&state);
                    let (post, copy, drift) = (post.clone(), "rows".into(), Drift::Counts);
                    let repaired = false;
                    let found = Difference { post, copy, drift, truth, found, repaired };
                    self.record(found, report);
                }
                return Ok(());
            }
            state = after.state;
        }
        report.unsettled += 1;
        Ok(())
    }

    /// The live counts are those of the truth, or of a moment ago; what differs is told again.
    pub(super) async fn check_live(
        &self,
        snapshots: &[Snapshot],
        report: &mut AuditReport,
    ) -> Result<(), PortError> {
        let posts: Vec<_> = snapshots.iter().map(|snapshot| snapshot.post.id.clone()).collect();
        let held = self.live_entries(&posts).await?;
        let pairs = snapshots.iter().zip(held);
        let suspects: Vec<&Snapshot> = pairs
            .filter(|(snapshot, held)| drift(snapshot, None, held.as_ref()).is_some())
            .map(|(snapshot, _)| snapshot)
            .collect();
        if suspects.is_empty() {
            return Ok(());
        }
        // A change that was under way at the first look has arrived by the second, or was missed.
        sleep(self.settings.second_look()).await;
        let drifted = self.second_look(&suspects).await?;
        if drifted.is_empty() {
            return Ok(());
        }
        let posts: Vec<_> = drifted.iter().map(|(now, ..)| now.post.id.clone()).collect();
        let left = self.repair(&posts).await?;
        for (now, found, drift) in drifted {
            let (post, copy) = (now.post.id, "live".into());
            let repaired = left.as_ref().is_some_and(|left| !left.contains(&post));
            let truth = Held::from(&now.state);
            let found = found.map(|found| Held::from(&found.state));
            let found = Difference { post, copy, drift, truth, found, repaired };
            self.record(found, report);
        }
        Ok(())
    }

    /// Posts that differ still, with the truth, the copy, and how they differ.
    async fn second_look(
        &self,
        suspects: &[&Snapshot],
    ) -> Result<Vec<(Snapshot, Option<LiveEntry>, Drift)>, PortError> {
        let posts: Vec<_> = suspects.iter().map(|s| s.post.id.clone()).collect();
        let held = self.live_entries(&posts).await?;
        let mut now = self.read_by_id(&posts).await?;
        let looked = suspects.iter().zip(held).filter_map(|(before, held)| {
            let now = now.remove(&before.post.id)?;
            let kind = drift(before, Some(&now), held.as_ref())?;
            Some((now, held, kind))
        });
        Ok(looked.collect())
    }

    /// Tells the live counts again of posts, and which differ nevertheless; none if nothing is to
    /// be repaired.
    async fn repair(&self, posts: &[PostId]) -> Result<Option<Vec<PostId>>, PortError> {
        if !self.settings.repair {
            return Ok(None);
        }
        let snapshots = self.read(posts).await?;
        self.live_sink.tell_snapshots(snapshots.clone()).await?;
        let told: Vec<_> = snapshots.iter().map(|told| told.post.id.clone()).collect();
        let held = self.live_entries(&told).await?;
        let mut now = self.read_by_id(&told).await?;
        let left = snapshots.iter().zip(held).filter(|(told, held)| {
            let now = now.remove(&told.post.id);
            drift(told, now.as_ref(), held.as_ref()).is_some()
        });
        Ok(Some(left.map(|(told, _)| told.post.id.clone()).collect()))
    }

    /// Puts posts into every projection again, which changes what differs and nothing else.
    pub(super) async fn put_again(&self, snapshots: &[Snapshot], report: &mut AuditReport) {
        for projection in &self.projections {
            match self.bounded(projection.put(snapshots)).await {
                Ok(puts) => {
                    for (snapshot, put) in snapshots.iter().zip(puts) {
                        self.judge(projection.name(), snapshot, put, report);
                    }
                }
                Err(error) => {
                    tracing::warn!(projection = projection.name(), %error, "cannot be put again");
                    report.unsettled += snapshots.len() as u64;
                }
            }
        }
    }

    fn judge(&self, projection: &str, snapshot: &Snapshot, put: Put, report: &mut AuditReport) {
        match put {
            Put::Held => {}
            Put::Retry(_) => report.unsettled += 1,
            Put::Refused(reason) => {
                let post = snapshot.post.id.clone();
                tracing::error!(projection, %post, reason, "a post is refused");
                let (copy, drift) = (projection.to_owned(), Drift::Refused);
                let (truth, found, repaired) = (Held::from(&snapshot.state), None, false);
                let found = Difference { post, copy, drift, truth, found, repaired };
                self.record(found, report);
            }
        }
    }

    fn record(&self, found: Difference, report: &mut AuditReport) {
        let Difference { post, copy, drift, repaired, .. } = &found;
        self.metrics.drifted(copy, *drift, *repaired);
        tracing::warn!(%post, copy, drift = drift.as_str(), repaired, "a copy has drifted");
        report.add(found, self.settings.listed);
    }

    async fn live_entries(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError> {
        self.bounded(self.live.entries(posts)).await
    }

    async fn read_by_id(&self, posts: &[PostId]) -> Result<HashMap<PostId, Snapshot>, PortError> {
        let snapshots = self.read(posts).await?;
        Ok(snapshots.into_iter().map(|snapshot| (snapshot.post.id.clone(), snapshot)).collect())
    }

    async fn read(&self, posts: &[PostId]) -> Result<Vec<Snapshot>, PortError> {
        let snapshots = self.bounded(self.truth.snapshots(posts)).await?;
        Ok(snapshots.into_iter().flatten().collect())
    }

    pub(super) async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let limit = Deadline::after(self.settings.call_limit());
        limit.run(call).await.unwrap_or(Err(PortError::Timeout))
    }
}

/// How a copy differs from what the truth was `before` the copy was read and is `after` it; without
/// the latter, whether there is reason to look again.
pub fn drift(
    before: &Snapshot,
    after: Option<&Snapshot>,
    held: Option<&LiveEntry>,
) -> Option<Drift> {
    let Some(LiveEntry { state: held, hidden }) = held else { return Some(Drift::Missing) };
    let latest = after.unwrap_or(before);
    if *hidden != latest.hidden && latest.revision == before.revision {
        return Some(Drift::Visibility);
    }
    let (before, latest) = (&before.state, &latest.state);
    if held.version < before.version {
        return Some(Drift::Behind);
    }
    if held.version > latest.version {
        return Some(Drift::Ahead);
    }
    let of_version = [before, latest].into_iter().find(|state| state.version == held.version);
    if of_version.is_some_and(|state| state.counts != held.counts) {
        return Some(Drift::Counts);
    }
    let moved = before.created_at != latest.created_at;
    (held.created_at != latest.created_at && !moved).then_some(Drift::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kudos_core::{Counts, Millis, Post, PostState, Version};

    fn state(version: u64, likes: u64) -> PostState {
        PostState {
            post: PostId::new("p").unwrap(),
            created_at: Millis(1),
            version: Version(version),
            counts: Counts::from_iter([likes]),
            as_of: Millis(2),
        }
    }

    fn snapshot(state: PostState, hidden: bool, revision: u64) -> Snapshot {
        let (title, body, author) = (String::new(), String::new(), String::new());
        let (id, created_at) = (state.post.clone(), state.created_at);
        Snapshot { post: Post { id, title, body, author, created_at }, hidden, revision, state }
    }

    #[test]
    fn what_may_have_happened_meanwhile_is_no_drift() {
        let (before, after) = (snapshot(state(5, 3), false, 1), snapshot(state(8, 6), false, 1));
        for (held, expected) in [
            (None, Some(Drift::Missing)),
            (Some(state(4, 2)), Some(Drift::Behind)),
            (Some(state(5, 3)), None),
            (Some(state(5, 4)), Some(Drift::Counts)),
            (Some(state(6, 9)), None),
            (Some(state(8, 6)), None),
            (Some(state(8, 7)), Some(Drift::Counts)),
            (Some(state(9, 7)), Some(Drift::Ahead)),
            (Some(PostState { created_at: Millis(9), ..state(5, 3) }), Some(Drift::Time)),
        ] {
            let held = held.map(|state| LiveEntry { state, hidden: false });
            assert_eq!(drift(&before, Some(&after), held.as_ref()), expected, "{held:?}");
        }
        for (hidden, revision, expected) in
            [(false, 1, Some(Drift::Visibility)), (true, 2, None), (false, 3, None)]
        {
            let (after, state) = (snapshot(state(5, 3), hidden, revision), state(5, 3));
            let held = LiveEntry { state, hidden: true };
            assert_eq!(drift(&before, Some(&after), Some(&held)), expected, "{revision}");
        }
    }
}
