//! Counts of posts, and what the caller holds: live counts first, then the truth.

use futures::future::join_all;
use kudos_core::ports::LiveEntry;
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
        self.answers.count("counts", from);
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
        self.answers.count("batch", read.from);
        Ok(read)
    }

    async fn read(
        &self,
        posts: &[PostId],
        user: Option<&UserId>,
        deadline: Deadline,
    ) -> Result<CountsRead, QueryError> {
        let (entries, held) =
            futures::join!(self.entries(posts, deadline), self.held(posts, user, deadline));
        let (entries, mut from) = entries?;
        let visible = |entry: Option<LiveEntry>| Some(entry.filter(|entry| !entry.hidden)?.state);
        let states = entries.into_iter().map(visible).collect();
        let mine = held.unwrap_or_else(|| {
            from.degraded = true;
            vec![None; posts.len()]
        });
        Ok(CountsRead { states, mine, from })
    }

    /// Posts as live has them, completed from the truth where live holds nothing; from the truth
    /// alone if live is out.
    pub(crate) async fn entries(
        &self,
        posts: &[PostId],
        deadline: Deadline,
    ) -> Result<(Vec<Option<LiveEntry>>, Provenance), QueryError> {
        // Live's own share, and the truth's to complete it.
        let live_share = self.settings.live() + self.settings.truth();
        let answer = self
            .chain("counts", deadline)
            .partial_source(Step::new("live", live_share), |share| self.live_entries(posts, share))
            .await
            // The last one has all the time that is left.
            .source(Step::new("truth", self.settings.total()), |_| async {
                self.counted(posts).await.map_err(reason)
            })
            .await
            .finish()
            .map_err(|_| PortError::Unavailable("no source of counts answers".into()))?;
        let from = self.provenance(source_named(answer.source), answer.degraded);
        Ok((answer.value, from))
    }

    /// What live holds within its share, corrected by what the log told since.
    pub(crate) async fn held_live(
        &self,
        posts: &[PostId],
        share: Deadline,
    ) -> Result<Vec<Option<LiveEntry>>, Reason> {
        let live = share.within(self.settings.live()).run(self.sources.live.entries(posts));
        let mut entries = live.await?.map_err(reason)?;
        if let Some(newest) = &self.sources.newest {
            self.mend(&newest.correct(&mut entries));
        }
        Ok(entries)
    }

    /// Has live take up again what it has lost of posts that exist.
    fn mend(&self, lost: &[PostId]) {
        if let Some(mender) = self.sources.mender.as_ref().filter(|_| !lost.is_empty()) {
            mender.mend(lost);
        }
    }

    /// As the truth counts them. Whether a post is visible is asked of the posts, by others.
    async fn counted(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError> {
        let states = self.sources.truth.states(posts).await?;
        let entry = |state| LiveEntry { state, hidden: false };
        Ok(states.into_iter().map(|state| state.map(entry)).collect())
    }

    pub(crate) async fn live_entries(
        &self,
        posts: &[PostId],
        share: Deadline,
    ) -> Result<Reply<Vec<Option<LiveEntry>>>, Reason> {
        let mut entries = self.held_live(posts, share).await?;
        let holes = entries.iter().zip(posts).filter(|(entry, _)| entry.is_none());
        let missing: Vec<PostId> = holes.map(|(_, post)| post.clone()).collect();
        if missing.is_empty() {
            return Ok(Reply::Whole(entries));
        }
        let loaded = share.run(self.counted(&missing)).await;
        match loaded.map_err(Reason::from).and_then(|loaded| loaded.map_err(reason)) {
            Ok(loaded) => {
                let lost = missing.iter().zip(&loaded).filter(|(_, loaded)| loaded.is_some());
                self.mend(&lost.map(|(post, _)| post.clone()).collect::<Vec<_>>());
                let mut loaded = loaded.into_iter();
                for entry in entries.iter_mut().filter(|entry| entry.is_none()) {
                    *entry = loaded.next().flatten();
                }
                Ok(Reply::Whole(entries))
            }
            // Nothing is known of any: that is no answer, and no proof that the posts are unknown.
            Err(why) if missing.len() == posts.len() => Err(why),
            // What cannot be known now is left out, and the answer says so.
            Err(_) => {
                let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                let (missing, of) = (count(missing.len()), count(posts.len()));
                Ok(Reply::Partial(entries, Missing { unit: "posts", missing, of }))
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
