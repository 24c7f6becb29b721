//! Counts of posts, and what the caller holds: live counts first, then the truth.

use futures::future::join_all;
use kudos_core::{Kind, PortError, PostId, PostState, UserId};
use kudos_degraded::{Deadline, Missing, Reason, Reply, Source as Step};
use kudos_http::answer::{Provenance, Source};

use crate::service::{QueryError, QueryService, reason, source_named};

/// Counts of posts in the order asked.
pub(crate) struct CountsRead {
    /// None where no source knows the post.
    pub(crate) states: Vec<Option<PostState>>,
    /// What the caller holds; all none for an anonymous caller.
    pub(crate) mine: Vec<Option<Kind>>,
    pub(crate) from: Provenance,
}

impl QueryService {
    /// The counts of one visible post.
    pub(crate) async fn counts_of(
        &self,
        post: &PostId,
        user: Option<&UserId>,
    ) -> Result<(PostState, Option<Kind>, Provenance), QueryError> {
        let deadline = Deadline::after(self.settings.total());
        let posts = std::slice::from_ref(post);
        let visible = self.check_visible(&*self.sources.kept_posts, post, deadline);
        let (visible, read) = futures::join!(visible, self.read(posts, user, deadline));
        visible?;
        let CountsRead { states, mine, from } = read?;
        let state = states.into_iter().next().flatten();
        let state = state.ok_or_else(|| QueryError::UnknownPost(post.clone()))?;
        Ok((state, mine.into_iter().next().flatten(), from))
    }

    /// The counts of several posts; none for those that are not visible.
    pub(crate) async fn counts_of_many(
        &self,
        posts: &[PostId],
        user: Option<&UserId>,
    ) -> Result<CountsRead, QueryError> {
        let deadline = Deadline::after(self.settings.total());
        let kept = &*self.sources.kept_posts;
        let visible = join_all(posts.iter().map(|post| self.check_visible(kept, post, deadline)));
        let (visible, read) = futures::join!(visible, self.read(posts, user, deadline));
        let mut read = read?;
        for (state, visible) in read.states.iter_mut().zip(visible) {
            *state = state.take().filter(|_| visible.is_ok());
        }
        Ok(read)
    }

    async fn read(
        &self,
        posts: &[PostId],
        user: Option<&UserId>,
        deadline: Deadline,
    ) -> Result<CountsRead, QueryError> {
        let (states, held) =
            futures::join!(self.states(posts, deadline), self.held(posts, user, deadline));
        let (states, mut from) = states?;
        let mine = held.unwrap_or_else(|| {
            from.degraded = true;
            vec![None; posts.len()]
        });
        Ok(CountsRead { states, mine, from })
    }

    /// States from live, completed from the truth where live holds nothing; from the truth alone
    /// if live is out.
    pub(crate) async fn states(
        &self,
        posts: &[PostId],
        deadline: Deadline,
    ) -> Result<(Vec<Option<PostState>>, Provenance), QueryError> {
        // Live's own share, and the truth's to complete it.
        let live_share = self.settings.live() + self.settings.truth();
        let answer = self
            .chain("counts", deadline)
            .partial_source(Step::new("live", live_share), |share| self.live_states(posts, share))
            .await
            .source(Step::new("truth", self.settings.truth()), |_| async {
                self.sources.truth.states(posts).await.map_err(reason)
            })
            .await
            .finish()
            .map_err(|_| PortError::Unavailable("no source of counts answers".into()))?;
        let from = self.provenance(source_named(answer.source), answer.degraded);
        Ok((answer.value, from))
    }

    /// Has live take up again what it has lost of posts that exist.
    fn mend(&self, missing: &[PostId], loaded: &[Option<PostState>]) {
        let Some(mender) = &self.sources.mender else { return };
        let lost = missing.iter().zip(loaded).filter(|(_, loaded)| loaded.is_some());
        let lost: Vec<_> = lost.map(|(post, _)| post.clone()).collect();
        if !lost.is_empty() {
            mender.mend(&lost);
        }
    }

    pub(crate) async fn live_states(
        &self,
        posts: &[PostId],
        share: Deadline,
    ) -> Result<Reply<Vec<Option<PostState>>>, Reason> {
        let live = share.within(self.settings.live()).run(self.sources.live.states(posts));
        let mut states = live.await?.map_err(reason)?;
        let holes = |states: &[Option<PostState>]| -> Vec<PostId> {
            let pairs = states.iter().zip(posts).filter(|(state, _)| state.is_none());
            pairs.map(|(_, post)| post.clone()).collect()
        };
        let missing = holes(&states);
        if missing.is_empty() {
            return Ok(Reply::Whole(states));
        }
        let loaded = share.run(self.sources.truth.states(&missing)).await;
        match loaded.map_err(Reason::from).and_then(|loaded| loaded.map_err(reason)) {
            Ok(loaded) => {
                self.mend(&missing, &loaded);
                let mut loaded = loaded.into_iter();
                for state in states.iter_mut().filter(|state| state.is_none()) {
                    *state = loaded.next().flatten();
                }
                Ok(Reply::Whole(states))
            }
            // Nothing is known of any: that is no answer, and no proof that the posts are unknown.
            Err(why) if missing.len() == posts.len() => Err(why),
            // What cannot be known now is left out, and the answer says so.
            Err(_) => {
                let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                let (missing, of) = (count(missing.len()), count(posts.len()));
                Ok(Reply::Partial(states, Missing { unit: "posts", missing, of }))
            }
        }
    }

    /// What the caller holds; none if the truth does not say in time.
    async fn held(
        &self,
        posts: &[PostId],
        user: Option<&UserId>,
        deadline: Deadline,
    ) -> Option<Vec<Option<Kind>>> {
        let Some(user) = user else {
            return Some(vec![None; posts.len()]);
        };
        let share = deadline.within(self.settings.truth());
        match share.run(self.sources.truth.held(user, posts)).await {
            Ok(Ok(held)) => Some(held),
            Ok(Err(error)) => self.missed_mine(reason(error)),
            Err(elapsed) => self.missed_mine(elapsed.into()),
        }
    }

    fn missed_mine<T>(&self, why: Reason) -> Option<T> {
        self.observer.fallback_taken("mine", Source::Truth.as_str(), why);
        None
    }
}
