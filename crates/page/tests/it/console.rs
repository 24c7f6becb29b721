//! What the console asks for, and how often anybody is asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use futures::future::join_all;
use http_body_util::BodyExt;
use kudos_page::{Console, Itself, SHARED_FOR, Service, Services, routes};
use kudos_runtime::health::{Health, Status};
use kudos_runtime::metrics::MetricsText;
use kudos_runtime::shutdown::Shutdown;
use serde_json::{Value, json};
use tokio::time::{advance, sleep};
use tower::ServiceExt;

/// Takes a while to answer, and counts how often it was asked.
#[derive(Default)]
struct Slow(AtomicUsize);

#[async_trait]
impl Services for Slow {
    async fn ask(&self) -> Vec<Service> {
        let round = self.0.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(300)).await;
        let metrics = Ok(format!("kudos_round {round}\n"));
        vec![Service::answered("slow".to_owned(), metrics, Err("no report".to_owned()))]
    }
}

async fn get(app: &Router, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn figures(app: &Router) -> Value {
    let (status, headers, body) = get(app, "/console/figures").await;
    assert_eq!((status, headers[CACHE_CONTROL].as_bytes()), (StatusCode::OK, &b"no-store"[..]));
    serde_json::from_str(&body).unwrap()
}

fn itself(health: &Health) -> Router {
    let itself = Itself::new("kudos", health, &MetricsText::default());
    routes(Console::new(Arc::new(itself)))
}

#[tokio::test]
async fn the_console_is_a_page_whose_modules_are_there() {
    let app = itself(&Health::new(Shutdown::new()));
    let (status, headers, page) = get(&app, "/console").await;
    assert_eq!(
        (status, headers[CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "text/html; charset=utf-8")
    );
    assert!(headers.contains_key(CONTENT_SECURITY_POLICY));
    let named: Vec<_> = page
        .split(['"'])
        .filter(|text| text.starts_with("console/") || text.ends_with(".css"))
        .collect();
    assert!(named.len() >= 3, "{named:?}");
    for name in named {
        assert_eq!(get(&app, &format!("/{name}")).await.0, StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn another_sites_page_is_told_nothing() {
    let app = itself(&Health::new(Shutdown::new()));
    let ask = async |from: &str| {
        let request = Request::get("/console/figures").header("sec-fetch-site", from);
        app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    assert_eq!(ask("same-origin").await, StatusCode::OK);
    assert_eq!(ask("none").await, StatusCode::OK, "somebody who opens the address itself");
    assert_eq!(ask("cross-site").await, StatusCode::NOT_FOUND);
    assert_eq!(ask("same-site").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_process_by_itself_tells_how_it_is() {
    let health = Health::new(Shutdown::new());
    health.register("store", Duration::from_secs(1), async || Status::Degraded {
        why: "reads only".to_owned(),
    });
    let told = figures(&itself(&health)).await;
    assert!(told["at"].as_u64().unwrap() > 1_700_000_000_000);
    let report = json!({"readiness": "degraded", "stopping": false,
        "checks": [{"name": "store", "status": "degraded", "why": "reads only"}]});
    let service = json!({"name": "kudos", "up": true, "readiness": report, "metrics": ""});
    assert_eq!(told["services"], json!([service]));
}

#[tokio::test(start_paused = true)]
async fn checks_that_hang_do_not_hang_the_console() {
    let health = Health::new(Shutdown::new());
    health.register("store", Duration::from_secs(60), std::future::pending::<Status>);
    let service = &figures(&itself(&health)).await["services"][0];
    assert_eq!((&service["up"], &service["readiness"]), (&json!(true), &Value::Null));
    assert_eq!(service["error"], "/readyz: its checks take longer than 1 s");
}

#[tokio::test(start_paused = true)]
async fn all_who_look_share_one_round_a_second() {
    let slow = Arc::new(Slow::default());
    let app = routes(Console::new(slow.clone()));
    let shown = join_all((0..50).map(|_| figures(&app))).await;
    assert!(shown.iter().all(|one| one == &shown[0]), "one round for all who wait");
    assert_eq!(slow.0.load(Ordering::Relaxed), 1);
    figures(&app).await;
    assert_eq!(slow.0.load(Ordering::Relaxed), 1, "what is young is given again");
    advance(SHARED_FOR).await;
    let later = figures(&app).await;
    assert_eq!(later["services"][0]["metrics"], "kudos_round 1\n");
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_in_the_middle_of_a_round_leaves_nobody_waiting() {
    let slow = Arc::new(Slow::default());
    let app = routes(Console::new(slow.clone()));
    let gone = tokio::time::timeout(Duration::from_millis(100), figures(&app)).await;
    assert!(gone.is_err());
    assert_eq!(figures(&app).await["services"][0]["name"], "slow");
}
