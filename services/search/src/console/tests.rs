//! How services are asked that are well, slow, down, or say too much.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use kudos_page::Services;
use tokio::net::TcpListener;

use super::*;

const REPORT: &str = r#"{"readiness":"not_ready","stopping":false,"checks":[]}"#;

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn service(metrics: &'static str) -> Router {
    Router::new()
        .route("/metrics", get(async move || metrics))
        .route("/readyz", get(async || (StatusCode::SERVICE_UNAVAILABLE, REPORT)))
}

async fn ask(addresses: &[SocketAddr]) -> Vec<Service> {
    kudos_runtime::tls::install();
    let services = addresses.iter().map(|address| format!("http://{address}")).collect();
    Asked::new(&ConsoleSettings { services }).unwrap().ask().await
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_service_that_is_not_ready_is_up_and_says_why() {
    let at = serve(service("kudos_journal_due 3\nhttp_requests 1\n")).await;
    let [one] = &ask(&[at]).await[..] else { panic!("one was asked") };
    assert!(one.up);
    assert_eq!(one.name, at.to_string());
    assert_eq!(one.error, None);
    assert_eq!(one.metrics, "kudos_journal_due 3\n", "what is not shown is not sent");
    assert_eq!(one.readiness.as_ref().map(|report| report.get()), Some(REPORT));
}

#[tokio::test]
async fn a_service_that_is_down_is_shown_as_down_beside_one_that_is_not() {
    let (well, down) = (serve(service("")).await, nobody().await);
    let found: Vec<_> =
        ask(&[down, well]).await.into_iter().map(|one| (one.up, one.error)).collect();
    assert_eq!(found, [(false, Some("cannot be reached".to_owned())), (true, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_costs_a_second() {
    // It takes connections, and says nothing.
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let asked = Instant::now();
    let [one] = &ask(&[silent.local_addr().unwrap()]).await[..] else { panic!("one was asked") };
    assert_eq!((one.up, one.error.as_deref()), (false, Some("does not answer within 1 s")));
    assert!(asked.elapsed() <= PATIENCE + Duration::from_millis(1), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_service_that_answers_ten_megabytes_is_cut_off() {
    let flood = "kudos_journal_due 3\n".repeat((10 << 20) / 20);
    let well = serve(service("")).await;
    let endless = serve(Router::new().route("/metrics", get(async move || flood))).await;
    let found = ask(&[endless, well]).await;
    assert_eq!(found[0].error.as_deref(), Some("answers more than 4096 KiB"));
    assert_eq!((found[0].metrics.as_str(), found[0].up, found[1].up), ("", false, true));
}

#[tokio::test]
async fn what_is_no_service_of_this_suite_is_not_taken_for_one() {
    let at = serve(Router::new()).await;
    let [one] = &ask(&[at]).await[..] else { panic!("one was asked") };
    let told = "answers 404 Not Found for /metrics";
    assert_eq!((one.up, one.error.as_deref()), (false, Some(told)));
}

#[test]
fn each_of_several_processes_behind_a_name_is_shown() {
    let url = Url::parse("http://writers:8080").unwrap();
    let found: Vec<_> = ["10.0.0.1:8080", "[fd00::1]:8080"]
        .into_iter()
        .filter_map(|at| one_of(&url, at.parse().unwrap()))
        .map(|place| (place.name, place.url.to_string()))
        .collect();
    let pair = |name: &str, url: &str| (name.to_owned(), url.to_owned());
    assert_eq!(
        found,
        [
            pair("writers 10.0.0.1:8080", "http://10.0.0.1:8080/"),
            pair("writers [fd00::1]:8080", "http://[fd00::1]:8080/"),
        ]
    );
}

#[tokio::test]
async fn a_name_that_one_process_has_is_shown_as_it_is() {
    let at = serve(service("")).await;
    kudos_runtime::tls::install();
    let services = vec![format!("http://localhost:{}", at.port())];
    let found = Asked::new(&ConsoleSettings { services }).unwrap().ask().await;
    assert_eq!((found.len(), found[0].up), (1, true), "{found:?}");
    assert_eq!(found[0].name, format!("localhost:{}", at.port()));
}

#[tokio::test]
async fn names_that_are_still_looked_for_are_not_looked_for_again() {
    kudos_runtime::tls::install();
    let services = vec!["http://localhost:1".to_owned()];
    let asked = Asked::new(&ConsoleSettings { services }).unwrap();
    let _under_way = Arc::clone(&asked.names).acquire_many_owned(MOST as u32).await.unwrap();
    assert_eq!(asked.ask().await[0].error.as_deref(), Some("its name is still looked for"));
}

#[tokio::test]
async fn a_name_that_nobody_has_is_shown_as_down() {
    kudos_runtime::tls::install();
    let services = vec!["http://nobody.invalid:8080".to_owned()];
    let found = Asked::new(&ConsoleSettings { services }).unwrap().ask().await;
    assert_eq!((found.len(), found[0].up), (1, false));
    assert_eq!(found[0].name, "nobody.invalid:8080");
}
