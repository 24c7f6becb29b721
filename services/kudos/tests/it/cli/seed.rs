use serde_json::json;
use tempfile::TempDir;

use super::run;
use crate::support::kudos;

const SMALL: [&str; 8] = ["seed", "--json", "--posts", "30", "--users", "60", "--reactions", "700"];

#[tokio::test]
async fn the_same_seed_again_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let first = run(folder.path(), &SMALL).await.json();
    let all = json!({"posts": 30, "reactions": 700, "new_posts": 30, "new_reactions": 700});
    assert_eq!(first, all);
    let again = run(folder.path(), &SMALL).await;
    let nothing = json!({"posts": 30, "reactions": 700, "new_posts": 0, "new_reactions": 0});
    assert_eq!(again.json(), nothing);
    assert!(again.stderr.contains("reactions: 700 of 700"), "{again:?}");
    assert_eq!(run(folder.path(), &["verify"]).await.code, 0);
}

#[tokio::test]
async fn a_running_server_is_seeded_while_it_serves() {
    let folder = TempDir::new().unwrap();
    let server = kudos(folder.path()).await;
    let seeded = run(folder.path(), &SMALL).await.json();
    assert_eq!(seeded["new_reactions"], 700);
    let page = server.api().get("/v1/search?sort=popular&limit=100").await.ok();
    let posts = page["posts"].as_array().unwrap();
    let total: u64 = posts.iter().map(|post| post["total"].as_u64().unwrap()).sum();
    assert_eq!((posts.len(), total), (30, 700));
    let again = run(folder.path(), &SMALL).await.json();
    assert_eq!((&again["new_posts"], &again["new_reactions"]), (&json!(0), &json!(0)));
    server.stop().await;
    assert_eq!(run(folder.path(), &["verify"]).await.code, 0);
}

#[tokio::test]
async fn more_reactions_than_users_can_make_are_refused() {
    let folder = TempDir::new().unwrap();
    let arguments = ["seed", "--posts", "2", "--users", "3", "--reactions", "7"];
    let ran = run(folder.path(), &arguments).await;
    assert_eq!(ran.code, 1, "{ran:?}");
}
