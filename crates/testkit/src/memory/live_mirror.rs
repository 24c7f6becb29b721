//! The live projection in memory as whoever compares it with the truth sees it.

use async_trait::async_trait;
use kudos_core::ports::{Facts, LiveCounts, Mirror, MirrorWalk, Said, Standing};
use kudos_core::{PortError, PostId, PostState, Snapshot};

use super::MemoryLive;
use super::mirror::{Walk, counted};

const NAME: &str = "live";

fn facts(state: &PostState, hidden: bool) -> Facts {
    counted(state)
        .with("created_at", Said::Number(state.created_at.0))
        .with("hidden", Said::Flag(hidden))
}

fn standing(post: PostId) -> Standing {
    Standing { post, place: NAME.to_owned() }
}

#[async_trait]
impl Mirror for MemoryLive {
    fn name(&self) -> &'static str {
        NAME
    }

    fn expected(&self, truth: &Snapshot) -> Facts {
        let state = PostState { created_at: truth.post.created_at, ..truth.state.clone() };
        facts(&state, truth.hidden)
    }

    async fn held(&self, posts: &[Snapshot]) -> Result<Vec<Facts>, PortError> {
        let posts: Vec<_> = posts.iter().map(|truth| truth.post.id.clone()).collect();
        let entries = self.entries(&posts).await?.into_iter();
        let facts = entries.map(|entry| entry.map(|entry| facts(&entry.state, entry.hidden)));
        Ok(facts.map(Option::unwrap_or_default).collect())
    }

    fn candidates(&self, post: &PostId) -> Vec<Standing> {
        vec![standing(post.clone())]
    }

    async fn stands(&self, standings: &[Standing]) -> Result<Vec<bool>, PortError> {
        let posts: Vec<_> = standings.iter().map(|standing| standing.post.clone()).collect();
        Ok(self.entries(&posts).await?.into_iter().map(|entry| entry.is_some()).collect())
    }

    async fn walk(&self) -> Result<Box<dyn MirrorWalk + '_>, PortError> {
        Ok(Box::new(Walk(self.posts().into_iter().map(standing).collect())))
    }

    async fn tell(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        self.restate(snapshots).await
    }

    async fn forget(&self, posts: &[PostId]) -> Result<(), PortError> {
        posts.iter().for_each(|post| self.lose(post));
        Ok(())
    }

    async fn remove(&self, standings: &[Standing]) -> Result<(), PortError> {
        standings.iter().for_each(|standing| self.lose(&standing.post));
        Ok(())
    }
}
