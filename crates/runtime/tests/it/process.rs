//! Whole processes: this test binary starts itself again as a service.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use kudos_degraded::{Observer, State::Open};
use kudos_runtime::{
    config::Sources,
    health::Status,
    metrics::latency_histogram,
    observe::Metered,
    shutdown::Shutdown,
    start::{BoxError, Context, print_config, start},
};
use opentelemetry::trace::TraceId;

use crate::support::{self, Settings};

/// What the child does; without it the child's test is an ordinary, empty one.
const ROLE: &str = "RUNTIME_TEST_ROLE";

/// Not a test of its own: the child's `main`.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let sources = Sources::from_process(None);
    let code = match role.as_str() {
        "config" => print_config::<Settings>(&sources),
        _ => start("test-service", &sources, serve),
    };
    let code = (0..=255u8).find(|number| ExitCode::from(*number) == code);
    std::process::exit(i32::from(code.unwrap()));
}

async fn serve(context: Context<Settings>) -> Result<(), BoxError> {
    if context.settings.auth.issuer.is_some() {
        return Err("the store is gone".into());
    }
    let latency =
        latency_histogram("kudos.test.latency", "The time of nothing.", &[0.001, 0.005, 1.0]);
    latency.record(Duration::from_millis(3), &[], Some(TraceId::from(0x7ace_u128)));
    let observer = Metered::new();
    observer.breaker_moved("left", Open);
    observer.breaker_moved("stays", Open);
    observer.breaker_gone("left");
    tracing::info_span!("work").in_scope(|| tracing::debug!("a span to export"));
    let limit = context.settings.http.request_timeout;
    context.health.register("store", limit, async || Status::Up);
    let listener = context.bind().await?;
    println!("\nlistening on {}", listener.local_addr()?);
    // Answers a whole request only once the stop has begun.
    let last = async |State(shutdown): State<Shutdown>| {
        println!("\nlast request");
        shutdown.cancelled().await;
        "drained"
    };
    let endless = async || {
        println!("\nendless request");
        std::future::pending::<()>().await;
    };
    let app = Router::new()
        .route("/endless", get(endless))
        .route("/last", get(last))
        .with_state(context.shutdown.clone());
    context.serve(listener, app).await;
    Ok(())
}

struct Service {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

fn spawn(role: &str, environment: &[(&str, &str)]) -> Service {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::child", "--nocapture"])
        .env(ROLE, role)
        .env("KUDOS_HTTP__LISTEN", "127.0.0.1:0")
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Service { child, lines }
}

impl Service {
    fn wait_for(&mut self, start: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("the service ended without saying {start:?}");
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    }

    /// The exit status and all of stderr.
    fn finish(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), log)
    }
}

fn request(address: &str, path: &str) -> TcpStream {
    send(address, &support::get(path))
}

fn send(address: &str, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn body(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{text}");
    body.to_owned()
}

#[test]
fn a_service_serves_drains_at_sigterm_and_exits_with_0() {
    let mut service = spawn("serve", &[]);
    let address = service.wait_for("listening on ");
    assert_eq!(body(request(&address, "/readyz")), "ready");
    assert_metrics(&body(request(&address, "/metrics")));
    let open = "accept: application/openmetrics-text;version=1.0.0\r\nconnection";
    let open = support::get("/metrics").replace("connection", open);
    assert_open_metrics(&body(send(&address, &open)));

    let last = request(&address, "/last");
    service.wait_for("last request");
    service.terminate();
    assert_eq!(body(last), "drained");

    let (status, log) = service.finish();
    assert_eq!(status.code(), Some(0), "{log}");
    let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(line["message"], "stopping");
    assert_eq!(line["signal"], "SIGTERM");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let mut service = spawn("serve", &[("KUDOS_HTTP__SHUTDOWN_GRACE", "1h")]);
    let address = service.wait_for("listening on ");
    let _endless = request(&address, "/endless");
    service.wait_for("endless request");
    let mut stderr = BufReader::new(service.child.stderr.take().unwrap());
    service.terminate();
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("stopping"), "{line}");
    service.terminate();
    let status = service.child.wait().unwrap();
    assert_eq!(status.code(), Some(143));
}

#[test]
fn a_failure_is_logged_once_and_exits_with_1() {
    let (status, log) = spawn("serve", &[("KUDOS_AUTH__ISSUER", "x")]).finish();
    assert_eq!(status.code(), Some(1), "{log}");
    assert_eq!(log.matches("the store is gone").count(), 1, "{log}");
}

#[test]
fn traces_and_metrics_reach_the_collector_before_the_process_ends() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let (told, asked) = mpsc::channel();
    thread::spawn(move || {
        for stream in collector.incoming() {
            accept_export(stream.unwrap(), &told);
        }
    });
    let mut service = spawn("serve", &[("KUDOS_TELEMETRY__OTLP_ENDPOINT", &endpoint)]);
    service.wait_for("listening on ");
    service.terminate();
    let (status, log) = service.finish();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("WARN"), "{log}");
    let paths: BTreeSet<String> = asked.try_iter().collect();
    assert!(paths.contains("POST /v1/traces HTTP/1.1"), "{paths:?} {log}");
    assert!(paths.contains("POST /v1/metrics HTTP/1.1"), "{paths:?} {log}");
}

/// Takes one export as a collector does, and tells its request line before it answers.
fn accept_export(stream: TcpStream, told: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let request_line = head.lines().next().unwrap().to_owned();
    told.send(request_line).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all(answer).unwrap();
}

#[test]
fn a_collector_that_is_not_there_does_not_hold_up_the_stop() {
    let endpoint = ("KUDOS_TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:9");
    let mut service = spawn("serve", &[endpoint]);
    service.wait_for("listening on ");
    service.terminate();
    let (status, log) = service.finish();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_wrong_configuration_exits_with_78_and_names_the_setting() {
    for (name, value, told) in [
        ("KUDOS_HTTP__LISEN", "x", "did you mean `KUDOS_HTTP__LISTEN`?"),
        (
            "KUDOS_POSTS__KINDS",
            "[]",
            "(from environment variable KUDOS_POSTS__KINDS): expected at least one kind",
        ),
        ("KUDOS_TELEMETRY__OTLP_ENDPOINT", "not a url", "telemetry.otlp_endpoint"),
    ] {
        let (status, log) = spawn("serve", &[(name, value)]).finish();
        assert_eq!(status.code(), Some(78), "{log}");
        assert!(log.contains(told), "{log}");
    }
}

#[test]
fn the_config_command_prints_the_effective_settings_without_secrets() {
    let mut printing = spawn("config", &[("KUDOS_AUTH__SECRET", "hunter2")]);
    let mut text = String::new();
    printing.lines.read_to_string(&mut text).unwrap();
    assert!(text.contains(r#"listen = "127.0.0.1:0""#), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(printing.finish().0.code(), Some(0));
}

/// The text is what Prometheus reads: comments, and lines of a name, labels and a number.
fn assert_metrics(text: &str) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap();
        let name = series.split('{').next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        assert_eq!(series.contains('{'), series.ends_with('}'));
    }
    assert!(text.contains("# TYPE kudos_test_latency_seconds histogram"), "{text}");
    assert!(text.contains(r#"kudos_test_latency_seconds_bucket{le="0.005"} 1"#), "{text}");
    assert!(text.contains(r#"service_name="test-service""#), "{text}");
    assert!(text.contains(r#"kudos_breaker_open{node="stays"} 1"#), "{text}");
    assert!(!text.contains("left"), "{text}");
    assert!(!text.contains("7ace") && !text.contains("EOF"), "{text}");
}

/// The same in OpenMetrics, and with the trace.
fn assert_open_metrics(text: &str) {
    let bucket =
        text.lines().find(|line| line.starts_with("kudos_test_latency_seconds_bucket{le=\"0.005"));
    let begin = "kudos_test_latency_seconds_bucket{le=\"0.005\"} 1 \
                 # {trace_id=\"00000000000000000000000000007ace\"} 0.003 ";
    assert!(bucket.is_some_and(|bucket| bucket.starts_with(begin)), "{text}");
    assert!(text.contains("# TYPE target info\n"), "{text}");
    assert!(text.ends_with("\n# EOF\n"), "{text}");
}
