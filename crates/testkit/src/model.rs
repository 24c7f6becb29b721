//! The truth as a plain list of everything that happened. It shares no rule with the product:
//! each answer is recounted and sorted anew, so that the two can be compared.

use std::collections::{BTreeMap, BTreeSet};

use kudos_core::{Counts, Kind, Millis, OpId, Operation, Post, PostId, RankEntry, TimeKey, UserId};

use crate::history::Step;

/// What must come of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It is new, and changes something or not.
    New {
        /// Whether the user held something else.
        changed: bool,
    },
    /// It was applied before, with that effect.
    Retry {
        /// Whether it changed something when it was new.
        changed: bool,
        /// How many operations the same user sent to the same post since.
        newer: usize,
    },
    /// Its id was used for another request.
    KeyReused,
}

/// A reference of the truth that forgets nothing.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Each user's operations on a post, in the order in which they were new.
    rows: BTreeMap<(PostId, UserId), Vec<Done>>,
    /// When each known post was created.
    created: BTreeMap<PostId, Millis>,
    stored: BTreeMap<PostId, Post>,
    hidden: BTreeSet<PostId>,
}

#[derive(Debug, Clone)]
struct Done {
    id: OpId,
    want: Option<Kind>,
    changed: bool,
}

impl Model {
    /// A truth in which nothing happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a step happen.
    pub fn step(&mut self, step: &Step) {
        match step {
            Step::React(op) => {
                self.apply(op);
            }
            Step::Upsert(post) => self.upsert(post),
            Step::Hide(post) => self.hide(post),
        }
    }

    /// Applies an operation if it is new, and tells what must come of it.
    pub fn apply(&mut self, op: &Operation) -> Expected {
        self.created.entry(op.post.clone()).or_insert(op.at);
        let row = self.rows.entry((op.post.clone(), op.user.clone()));
        let row = row.or_default();
        if let Some(place) = row.iter().position(|done| done.id == op.id) {
            let Done { want, changed, .. } = row[place];
            let newer = row.len() - place - 1;
            return match want == op.want {
                true => Expected::Retry { changed, newer },
                false => Expected::KeyReused,
            };
        }
        let changed = row.last().and_then(|done| done.want) != op.want;
        let (id, want) = (op.id, op.want);
        row.push(Done { id, want, changed });
        Expected::New { changed }
    }

    /// Stores a post, visible.
    pub fn upsert(&mut self, post: &Post) {
        self.created.insert(post.id.clone(), post.created_at);
        self.stored.insert(post.id.clone(), post.clone());
        self.hidden.remove(&post.id);
    }

    /// Hides a post, if there is one.
    pub fn hide(&mut self, post: &PostId) {
        if self.created.contains_key(post) {
            self.hidden.insert(post.clone());
        }
    }

    /// All posts that were stored or reacted to, hidden ones too.
    pub fn posts(&self) -> impl Iterator<Item = &PostId> {
        self.created.keys()
    }

    /// All users who ever reacted to anything.
    pub fn users(&self) -> BTreeSet<&UserId> {
        self.rows.keys().map(|(_, user)| user).collect()
    }

    /// The post as stored, unless it is hidden.
    pub fn post(&self, post: &PostId) -> Option<&Post> {
        self.stored.get(post).filter(|_| !self.hidden.contains(post))
    }

    /// What the user holds on the post.
    pub fn held(&self, user: &UserId, post: &PostId) -> Option<Kind> {
        let row = self.rows.get(&(post.clone(), user.clone()))?;
        row.last()?.want
    }

    /// Who holds `kind` (any, if none) on the post, in the order of their ids.
    pub fn reactors(&self, post: &PostId, kind: Option<Kind>) -> Vec<(UserId, Kind)> {
        let on_post = self.rows.iter().filter(|((p, _), _)| p == post);
        on_post
            .filter_map(|((_, user), row)| Some((user.clone(), row.last()?.want?)))
            .filter(|&(_, held)| kind.is_none_or(|kind| kind == held))
            .collect()
    }

    /// The counts of a post: a recount of who holds what.
    pub fn counts(&self, post: &PostId) -> Counts {
        let mut counts = Counts::new();
        for (_, kind) in self.reactors(post, None) {
            counts.set(kind, counts.get(kind) + 1);
        }
        counts
    }

    /// All posts that are not hidden and were created at or after `since`, most reactions first;
    /// of equals the newer, then the lower id.
    pub fn popular(&self, since: Option<Millis>) -> Vec<RankEntry> {
        let listed = self.listed(since).map(|(post, created_at)| RankEntry {
            post: post.clone(),
            total: self.reactors(post, None).len() as u64,
            created_at,
        });
        let mut ranks: Vec<_> = listed.collect();
        ranks.sort_by(|a, b| {
            let by_total = b.total.cmp(&a.total);
            let by_age = b.created_at.0.cmp(&a.created_at.0);
            by_total.then(by_age).then(a.post.as_str().cmp(b.post.as_str()))
        });
        ranks
    }

    /// All posts that are not hidden and were created at or after `since`, the newest first; of
    /// equals the lower id.
    pub fn by_time(&self, since: Option<Millis>) -> Vec<TimeKey> {
        let listed =
            self.listed(since).map(|(post, created_at)| TimeKey { created_at, post: post.clone() });
        let mut keys: Vec<_> = listed.collect();
        keys.sort_by(|a, b| {
            let by_age = b.created_at.0.cmp(&a.created_at.0);
            by_age.then(a.post.as_str().cmp(b.post.as_str()))
        });
        keys
    }

    fn listed(&self, since: Option<Millis>) -> impl Iterator<Item = (&PostId, Millis)> {
        let all = self.created.iter().map(|(post, &at)| (post, at));
        all.filter(|(post, _)| !self.hidden.contains(*post))
            .filter(move |(_, at)| since.is_none_or(|since| at.0 >= since.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::{LIKE, LOVE, Scope};

    #[test]
    fn a_retry_is_known_however_old_and_changes_nothing() {
        let (scope, mut model) = (Scope::new(), Model::new());
        let first = scope.op("0", "p", "u", Some(LIKE));
        assert_eq!(model.apply(&first), Expected::New { changed: true });
        for i in 1..=99 {
            model.apply(&scope.op(&i.to_string(), "p", "u", (i % 2 == 0).then_some(LOVE)));
        }
        let retry = Expected::Retry { changed: true, newer: 99 };
        assert_eq!(model.apply(&first), retry);
        assert_eq!(model.counts(&first.post), Counts::new());
        let reused = scope.op("0", "p", "u", None);
        assert_eq!(model.apply(&reused), Expected::KeyReused);
    }

    #[test]
    fn orders_follow_counts_creation_and_id_and_omit_hidden_posts() {
        let (scope, mut model) = (Scope::new(), Model::new());
        for (name, at) in [("b", 1), ("a", 1), ("new", 2), ("top", 0), ("hidden", 9)] {
            model.upsert(&scope.written(name, "", at));
        }
        model.hide(&scope.post("hidden"));
        model.apply(&scope.op("k", "top", "u", Some(LIKE)));
        let names = ["top", "new", "a", "b"].map(|name| scope.post(name));
        let popular: Vec<_> = model.popular(None).into_iter().map(|e| e.post).collect();
        assert_eq!(popular, names);
        let by_time: Vec<_> = model.by_time(None).into_iter().map(|k| k.post).collect();
        assert_eq!(by_time, ["new", "a", "b", "top"].map(|name| scope.post(name)));
    }
}
