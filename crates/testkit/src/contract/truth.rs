//! What [`PostStore`] and [`ReactionStore`] promise together, when one backend is both.

use std::sync::Arc;

use kudos_core::ports::{PostStore, ReactionStore};
use kudos_core::{Millis, Operation};

use super::support::{apply, counts, held, reactors, state};
use super::{HasPosts, HasReactions};
use crate::scope::{LIKE, NOW, Scope};

/// Makes a test of each check of posts and reactions together; the backend has [`HasPosts`] and
/// [`HasReactions`].
#[macro_export]
macro_rules! truth_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, truth:
            posts_that_were_only_reacted_to_do_not_end_a_listing,
            a_stored_post_has_a_state_without_any_reaction,
            storing_a_post_keeps_its_reactions_and_sets_its_time,
            hiding_a_post_keeps_its_reactions,
        }
    };
}

async fn open<B: HasPosts + HasReactions>() -> (B, Arc<dyn PostStore>, Arc<dyn ReactionStore>) {
    let backend = B::open().await;
    let (posts, reactions) = (backend.posts(), backend.reactions());
    (backend, posts, reactions)
}

/// Nobody stored the newest posts: a page must not come out empty for them, or a walk ends early.
pub async fn posts_that_were_only_reacted_to_do_not_end_a_listing<B: HasPosts + HasReactions>() {
    let (_backend, posts, reactions) = open::<B>().await;
    let (scope, stored) = (Scope::new(), Scope::new().written("stored", "", 0));
    posts.upsert(&stored).await.expect("the post is stored");
    for i in 0..20 {
        let like = Operation {
            at: Millis(NOW.0 + 1000),
            ..scope.op("a", &i.to_string(), "u", Some(LIKE))
        };
        apply(&reactions, &like).await;
        assert_eq!(posts.get(&[like.post]).await, Ok(vec![None]));
    }
    let since = Some(stored.created_at);
    for limit in (1..4).filter(|_| !B::SHARED) {
        let page = posts.by_time(since, None, limit).await;
        assert_eq!(page, Ok(vec![stored.clone()]));
    }
}

/// At version 0, so that projections can list it.
pub async fn a_stored_post_has_a_state_without_any_reaction<B: HasPosts + HasReactions>() {
    let (_backend, posts, reactions) = open::<B>().await;
    let post = Scope::new().written("p", "", 5);
    posts.upsert(&post).await.expect("the post is stored");
    let state = state(&reactions, &post.id).await;
    assert_eq!((state.version.0, state.counts.total()), (0, 0));
    assert_eq!(state.created_at, post.created_at);
}

/// Reacted to first, stored later, then edited.
pub async fn storing_a_post_keeps_its_reactions_and_sets_its_time<B: HasPosts + HasReactions>() {
    let (_backend, posts, reactions) = open::<B>().await;
    let scope = Scope::new();
    let like = scope.op("a", "p", "u", Some(LIKE));
    let applied = apply(&reactions, &like).await;
    for at in [7, 3] {
        let post = scope.written("p", "", at);
        posts.upsert(&post).await.expect("the post is stored");
        let state = state(&reactions, &post.id).await;
        assert_eq!(state.created_at, post.created_at);
        assert_eq!(state.version, applied.outcome.version);
        assert_eq!(state.counts.as_slice(), [1]);
    }
    assert_eq!(held(&reactions, &like.user, &like.post).await, Some(LIKE));
}

/// And a restart finds them.
pub async fn hiding_a_post_keeps_its_reactions<B: HasPosts + HasReactions>() {
    let (backend, posts, reactions) = open::<B>().await;
    let scope = Scope::new();
    let post = scope.written("p", "", 0);
    posts.upsert(&post).await.expect("the post is stored");
    let like = scope.op("a", "p", "u", Some(LIKE));
    apply(&reactions, &like).await;
    assert_eq!(posts.hide(&post.id).await, Ok(true));
    drop((posts, reactions));
    let backend = backend.restart().await;
    let reactions = backend.reactions();
    assert_eq!(counts(&reactions, &post.id).await, [1]);
    let holders = reactors(&reactions, &post.id, None, 10).await;
    assert_eq!(holders, [(like.user, LIKE)]);
    let meta = backend.posts().meta(&post.id).await;
    assert!(meta.expect("the store answers").is_some_and(|meta| meta.hidden));
}
