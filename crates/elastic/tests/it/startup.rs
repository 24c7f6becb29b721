//! A wrong set-up is told by the setting's name, and secrets are told to nobody but the server.

use kudos_core::ports::{IndexOrder, IndexQuery, PostIndex};
use kudos_elastic::{CheckError, ElasticSettings, MigrateError, migrate};
use kudos_runtime::config::Secret;
use serde_json::{Value, json};

use crate::stand_in::{Asked, StandIn, elastic, refusal, settings};

/// A server of that version, whose alias leads to an index of that schema.
fn server(
    version: &'static str,
    flavor: Option<&'static str>,
    schema: Value,
) -> impl Fn(&Asked) -> Option<(u16, Value)> {
    move |asked| {
        let mut node = json!({"version": version});
        if let Some(flavor) = flavor {
            node["build_flavor"] = json!(flavor);
        }
        Some(match &*asked.path {
            "/_nodes/_local" => (200, json!({"nodes": {"a": node}})),
            "/posts/_mapping" => (200, json!({"posts-v9": {"mappings": {"_meta": schema}}})),
            path => panic!("nobody asks for {path}"),
        })
    }
}

async fn check(
    answers: impl Fn(&Asked) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> CheckError {
    let server = StandIn::start(answers).await;
    elastic(&settings(&[&server])).check().await.expect_err("not in order")
}

#[tokio::test]
async fn no_server_is_told_with_its_setting() {
    let urls = vec!["http://127.0.0.1:9".to_owned()];
    let settings = ElasticSettings { urls, ..ElasticSettings::default() };
    let error = elastic(&settings).check().await.expect_err("nobody is there").to_string();
    assert!(error.contains("elastic.urls") && error.contains("127.0.0.1:9"), "{error}");
}

#[tokio::test]
async fn wrong_credentials_are_told_with_their_setting() {
    let error = check(|_| Some(refusal(401, "security_exception"))).await;
    assert_eq!(error, CheckError::Unauthenticated);
    assert!(error.to_string().contains("elastic.api_key"));
    let error = check(|_| Some(refusal(403, "security_exception"))).await;
    assert!(matches!(error, CheckError::Forbidden(_)), "{error:?}");
}

#[tokio::test]
async fn an_old_server_is_told_by_its_name() {
    let schema = json!({"schema": 1});
    for (version, flavor, product) in
        [("7.17.9", Some("default"), "Elasticsearch"), ("1.3.20", None, "OpenSearch")]
    {
        let error = check(server(version, flavor, schema.clone())).await;
        let version = version.to_owned();
        assert_eq!(error, CheckError::Version { product, version });
    }
}

#[tokio::test]
async fn an_index_of_another_schema_is_refused_by_check_and_by_migration() {
    let newer = || server("8.19.21", Some("default"), json!({"schema": 9}));
    let index = "posts-v9".to_owned();
    assert_eq!(check(newer()).await, CheckError::Schema { index: index.clone(), found: 9 });
    let running = StandIn::start(newer()).await;
    let error = migrate(&settings(&[&running])).await.expect_err("newer");
    assert_eq!(error, MigrateError::Newer { index, found: 9 });
    assert!(running.asked().iter().all(|asked| asked.method == "GET"), "nothing was changed");
}

#[tokio::test]
async fn an_index_that_kudos_did_not_make_is_left_alone() {
    let foreign = || server("2.19.1", None, json!({}));
    assert!(matches!(check(foreign()).await, CheckError::NotOurs(_)));
    let running = StandIn::start(foreign()).await;
    let error = migrate(&settings(&[&running])).await.expect_err("not ours");
    assert!(matches!(error, MigrateError::Taken(_)), "{error:?}");
}

#[tokio::test]
async fn credentials_reach_the_server_and_nothing_else() {
    let server = StandIn::start(|_| Some(refusal(401, "security_exception"))).await;
    let keyed =
        ElasticSettings { api_key: Some(Secret::new("aHVzaDpodXNo")), ..settings(&[&server]) };
    let named = ElasticSettings {
        username: "ann".to_owned(),
        password: Some(Secret::new("aHVzaDpodXNo")),
        ..settings(&[&server])
    };
    for settings in [keyed, named] {
        let elastic = elastic(&settings);
        let error = elastic.check().await.expect_err("refused");
        let (text, order) = (String::new(), IndexOrder::Popular);
        let query = IndexQuery { text, since: None, among: None, order, limit: 1 };
        let failure = elastic.search(&query).await.expect_err("refused");
        let shown = format!("{error} {error:?} {failure} {failure:?} {elastic:?} {settings:?}");
        assert!(!shown.contains("aHVzaDpodXNo"), "{shown}");
    }
    let sent = |asked: &Asked| asked.headers["authorization"].to_str().unwrap().to_owned();
    let sent: Vec<_> = server.asked().iter().map(sent).collect();
    assert_eq!(sent[0], "ApiKey aHVzaDpodXNo");
    assert_eq!(sent[2], "Basic YW5uOmFIVnphRHBvZFhObw==");
}
