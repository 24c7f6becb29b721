//! A copy of the truth in memory, which a test can make wrong in every way.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kudos_core::ports::{Facts, Mirror, MirrorWalk, Said, Standing};
use kudos_core::{Kinds, PortError, PostId, PostState, Snapshot};
use parking_lot::Mutex;

/// Holds of each visible post its counts and their version, and keeps the newest that it is told.
#[derive(Debug)]
pub struct MemoryMirror {
    name: &'static str,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    facts: BTreeMap<PostId, Facts>,
    strays: BTreeSet<Standing>,
    down: bool,
}

impl MemoryMirror {
    /// An empty copy of that name.
    pub fn new(name: &'static str) -> Self {
        Self { name, held: Mutex::default() }
    }

    /// Holds this of a post, right or wrong.
    pub fn set(&self, post: &PostId, facts: Facts) {
        self.held.lock().facts.insert(post.clone(), facts);
    }

    /// Loses a post.
    pub fn lose(&self, post: &PostId) {
        self.held.lock().facts.remove(post);
    }

    /// Holds a post at a place where it does not look when it is asked for it.
    pub fn stray(&self, post: &PostId, place: &str) {
        let standing = Standing { post: post.clone(), place: place.to_owned() };
        self.held.lock().strays.insert(standing);
    }

    /// What it holds of a post.
    pub fn facts(&self, post: &PostId) -> Facts {
        self.held.lock().facts.get(post).cloned().unwrap_or_default()
    }

    /// Answers nothing any more, or again.
    pub fn set_down(&self, down: bool) {
        self.held.lock().down = down;
    }

    fn ask<T>(&self, answer: impl FnOnce(&mut Held) -> T) -> Result<T, PortError> {
        let mut held = self.held.lock();
        match held.down {
            true => Err(PortError::Unavailable("it is down".into())),
            false => Ok(answer(&mut held)),
        }
    }

    fn standings(&self, held: &Held) -> Vec<Standing> {
        let own = |post: &PostId| Standing { post: post.clone(), place: self.name.to_owned() };
        held.facts.keys().map(own).chain(held.strays.iter().cloned()).collect()
    }
}

/// The counts and their version.
pub(super) fn counted(state: &PostState) -> Facts {
    Facts::new()
        .with(Facts::VERSION, Said::Number(state.version.0))
        .with_counts(&state.counts, &Kinds::default())
}

#[async_trait]
impl Mirror for MemoryMirror {
    fn name(&self) -> &'static str {
        self.name
    }

    fn expected(&self, truth: &Snapshot) -> Facts {
        match truth.hidden {
            true => Facts::new(),
            false => counted(&truth.state),
        }
    }

    async fn held(&self, posts: &[Snapshot]) -> Result<Vec<Facts>, PortError> {
        let facts = |held: &Held, truth: &Snapshot| held.facts.get(&truth.post.id).cloned();
        let all =
            |held: &mut Held| posts.iter().map(|truth| facts(held, truth)).collect::<Vec<_>>();
        Ok(self.ask(all)?.into_iter().map(Option::unwrap_or_default).collect())
    }

    fn belongs(&self, _: &Snapshot, place: &str) -> bool {
        place == self.name
    }

    fn candidates(&self, post: &PostId) -> Vec<Standing> {
        let mut standings = self.standings(&self.held.lock());
        standings.retain(|standing| standing.post == *post);
        standings
    }

    async fn stands(&self, standings: &[Standing]) -> Result<Vec<bool>, PortError> {
        let all = self.ask(|held| self.standings(held))?;
        Ok(standings.iter().map(|standing| all.contains(standing)).collect())
    }

    async fn walk(&self) -> Result<Box<dyn MirrorWalk + '_>, PortError> {
        Ok(Box::new(Walk(self.ask(|held| self.standings(held))?)))
    }

    async fn tell(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        self.ask(|held| {
            for truth in snapshots {
                let (post, told) = (truth.post.id.clone(), self.expected(truth));
                let older = |facts: &Facts| told.version() > facts.version();
                if told.is_empty() {
                    held.facts.remove(&post);
                } else if held.facts.get(&post).is_none_or(older) {
                    held.facts.insert(post, told);
                }
            }
        })
    }

    async fn forget(&self, posts: &[PostId]) -> Result<(), PortError> {
        self.ask(|held| held.facts.retain(|post, _| !posts.contains(post)))
    }

    async fn remove(&self, standings: &[Standing]) -> Result<(), PortError> {
        self.ask(|held| {
            for standing in standings {
                held.strays.remove(standing);
                if standing.place == self.name {
                    held.facts.remove(&standing.post);
                }
            }
        })
    }
}

/// What is left to be told.
pub(super) struct Walk(pub(super) Vec<Standing>);

#[async_trait]
impl MirrorWalk for Walk {
    async fn next(&mut self, limit: usize) -> Result<Option<Vec<Standing>>, PortError> {
        let page: Vec<_> = self.0.drain(..limit.min(self.0.len())).collect();
        Ok((!page.is_empty()).then_some(page))
    }
}
