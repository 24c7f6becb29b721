//! Readiness from its parts, and the operations routes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use kudos_runtime::{
    health::{CACHE_FOR, Health, Readiness, Status, routes},
    metrics::MetricsText,
    shutdown::Shutdown,
};
use tower::ServiceExt;

const LIMIT: Duration = Duration::from_millis(500);

fn health(checks: &[Status]) -> Health {
    let health = Health::new(Shutdown::new());
    for (index, status) in checks.iter().cloned().enumerate() {
        health.register(format!("check {index}"), LIMIT, move || {
            let status = status.clone();
            async move { status }
        });
    }
    health
}

fn degraded() -> Status {
    Status::Degraded { why: "old".into() }
}

fn down() -> Status {
    Status::Down { why: "gone".into() }
}

async fn ask(health: Health, path: &str) -> (StatusCode, String) {
    let app = routes(health, MetricsText::default());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_worst_check_decides() {
    for (checks, expected) in [
        (vec![], Readiness::Ready),
        (vec![Status::Up, Status::Up], Readiness::Ready),
        (vec![Status::Up, degraded()], Readiness::Degraded),
        (vec![down(), degraded(), Status::Up], Readiness::NotReady),
    ] {
        assert_eq!(health(&checks).report().await.readiness, expected);
    }
}

#[tokio::test]
async fn a_degraded_service_is_ready_and_one_that_is_down_is_not() {
    let (status, body) = ask(health(&[degraded()]), "/readyz").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "degraded"));
    let (status, body) = ask(health(&[down()]), "/readyz").await;
    assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "not ready"));
    let (status, body) = ask(health(&[down()]), "/livez").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
}

#[tokio::test]
async fn verbose_lists_every_check() {
    let (status, body) = ask(health(&[Status::Up, degraded()]), "/readyz?verbose").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        serde_json::json!({
            "readiness": "degraded",
            "stopping": false,
            "checks": [
                {"name": "check 0", "status": "up"},
                {"name": "check 1", "status": "degraded", "why": "old"},
            ],
        })
    );
}

#[tokio::test]
async fn a_stopping_service_is_live_but_not_ready() {
    let shutdown = Shutdown::new();
    let health = Health::new(shutdown.clone());
    shutdown.begin();
    assert_eq!(health.report().await.readiness, Readiness::NotReady);
    assert_eq!(ask(health, "/livez").await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_counts_as_down() {
    let health = Health::new(Shutdown::new());
    health.register("store", LIMIT, std::future::pending);
    let report = health.report().await;
    let why = "no answer within 500ms".to_owned();
    assert_eq!(report.checks[0].status, Status::Down { why });
}

#[tokio::test(start_paused = true)]
async fn probes_cannot_hammer_a_dependency() {
    let runs = Arc::new(AtomicUsize::new(0));
    let health = Health::new(Shutdown::new());
    let counter = runs.clone();
    health.register("store", LIMIT, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Status::Up }
    });
    futures::future::join_all((0..10).map(|_| health.report())).await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    tokio::time::advance(CACHE_FOR).await;
    health.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}
