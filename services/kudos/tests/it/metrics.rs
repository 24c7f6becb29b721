//! What Prometheus reads.

use reqwest::Method;

use crate::support::{Answer, Api, Launch, Op, answer, kudos, numbered_posts};

const OPEN: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

#[tokio::test]
async fn metrics_can_be_read_by_prometheus_and_count_reactions_and_answers() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let api = server.api();
    api.put_post(&numbered_posts(1)[0]).await;
    api.react(&Op::new("k", "p000", "ann", Some("like"))).await;
    api.counts("p000", "ann").await;
    let metrics = api.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    let samples: Vec<_> = metrics.body.lines().filter(|line| !line.starts_with('#')).collect();
    for line in &samples {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let bare = name.split('{').next().unwrap();
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        assert!(!bare.is_empty() && bare.chars().all(valid), "{line}");
        assert_eq!(name.contains('{'), name.ends_with('}'), "{line}");
        assert!(matches!(value, "+Inf" | "NaN") || value.parse::<f64>().is_ok(), "{line}");
    }
    let reactions = |line: &&&str| line.starts_with("kudos_reactions");
    assert!(samples.iter().find(reactions).is_some(), "{}", metrics.body);
    let answer =
        ["kudos_answers_total{", "asked=\"counts\"", "degraded=\"false\"", "source=\"live\""];
    let is_answer = |line: &&str| answer.iter().all(|part| line.contains(part));
    assert!(samples.iter().any(is_answer), "{}", metrics.body);
}

#[tokio::test]
async fn a_request_of_a_recorded_trace_can_be_found_from_its_bucket_and_others_cannot() {
    let data = tempfile::tempdir().unwrap();
    // Nobody collects the traces: to be recorded, it is enough that they would be sent.
    let server = Launch::on(data.path()).set("telemetry.otlp_endpoint=http://127.0.0.1:9");
    let server = server.set("telemetry.sample_ratio=0").start().await;
    let api = server.api();
    let (recorded, other) =
        ("4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c");
    get_traced(&api, "/v1/search?sort=popular", &format!("00-{recorded}-00f067aa0ba902b7-01"))
        .await;
    get_traced(&api, "/v1/search?sort=popular", &format!("00-{other}-b7ad6b7169203331-00")).await;
    get_traced(&api, "/v1/reactions/kinds", &format!("00-{other}-b7ad6b7169203331-00")).await;
    api.get("/v1/search?sort=popular").await;

    let open = scrape(&api, OPEN).await;
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(open.body.ends_with("\n# EOF\n"), "{}", open.body);
    let exemplars: Vec<_> = open.body.lines().filter(|line| line.contains(" # {")).collect();
    let [only] = exemplars[..] else { panic!("{exemplars:#?}") };
    let series = only.starts_with("http_server_request_duration_seconds_bucket{");
    assert!(series && only.contains("http_route=\"/v1/search\""), "{only}");
    assert!(only.contains(&format!(" # {{trace_id=\"{recorded}\"}} 0.")), "{only}");

    let text = scrape(&api, "text/plain;version=0.0.4").await;
    assert!(!text.body.contains(recorded) && !text.body.contains("EOF"), "{}", text.body);
}

#[tokio::test]
async fn without_a_collector_no_trace_is_recorded() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let api = server.api();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    get_traced(&api, "/v1/search?sort=popular", traceparent).await;
    let open = scrape(&api, OPEN).await;
    assert!(open.body.contains("http_route=\"/v1/search\""), "{}", open.body);
    assert!(!open.body.contains("trace_id"), "{}", open.body);
}

async fn get_traced(api: &Api, path: &str, traceparent: &str) {
    let request = api.request(Method::GET, path).header("traceparent", traceparent);
    answer(request).await.unwrap();
}

async fn scrape(api: &Api, accept: &str) -> Answer {
    answer(api.request(Method::GET, "/metrics").header("accept", accept)).await.unwrap()
}
