//! What happens to counts that Redis has lost.

use std::time::Duration;

use kudos_core::PostId;
use kudos_core::ports::LiveCounts;
use kudos_testkit::Scope;

use crate::support::{World, eventually};

/// Deletes a post's hash, as somebody at a prompt would.
async fn delete_hash(world: &World, post: &PostId) {
    let key = format!("{}post:{{{post}}}:reactions", world.get("redis.prefix"));
    let keys = [key, format!("{}post:{post}:reactions", world.get("redis.prefix"))];
    let nodes: Vec<String> = serde_json::from_str(world.get("redis.nodes")).unwrap();
    let mut deleted = 0;
    for node in nodes {
        let client = redis::Client::open(format!("redis://{node}")).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        for key in &keys {
            // Of a cluster's nodes one has it, and the others say so.
            let answer = redis::cmd("DEL").arg(key).query_async(&mut connection).await;
            deleted += answer.unwrap_or(0);
        }
    }
    assert_eq!(deleted, 1, "the hash of {post}");
}

async fn total(world: &World, post: &PostId) -> Option<u64> {
    let states = world.redis().states(std::slice::from_ref(post)).await.unwrap();
    states.into_iter().next().flatten().map(|state| state.counts.total())
}

#[tokio::test]
async fn a_hash_deleted_by_hand_is_loaded_at_the_next_like_and_at_the_next_read() {
    let (world, scope) = (World::open("laws").await, Scope::new());
    let (writer, search) = futures::join!(world.start("reaction-write"), world.start("search"));
    let (write, read, post) = (writer.api(), search.api(), scope.post("p"));
    write.put_post(&scope.written("p", "title", 0)).await;
    for user in 0..3 {
        let user = scope.user(user);
        write.react("k", post.as_str(), user.as_str(), Some("like")).await.ok();
    }
    delete_hash(&world, &post).await;
    let answer = write.react("k", post.as_str(), scope.user(3).as_str(), Some("love")).await.ok();
    assert_eq!(answer["total"], 4);
    eventually("the like loads the hash", Duration::from_secs(1), async || {
        (total(&world, &post).await == Some(4)).then_some(())
    })
    .await;

    delete_hash(&world, &post).await;
    let seen = read.counts(post.as_str(), "nobody").await;
    assert_eq!((&seen["total"], &seen["degraded"]), (&4.into(), &false.into()), "{seen}");
    eventually("the read loads the hash", Duration::from_secs(3), async || {
        (total(&world, &post).await == Some(4)).then_some(())
    })
    .await;
}
