//! Whole requests, written as in HTTP/1.1, against the real routers on backends in memory: every
//! private parser behind a route is reached, and no input makes a server error.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use kudos_core::{Kinds, Millis};
use kudos_http::auth::{AuthSettings, Authenticator};
use kudos_http::cursor::CursorKey;
use kudos_http::gate::Gate;
use kudos_http::limit::LimitSettings;
use kudos_http::sse::{EventStreams, SseSettings};
use kudos_http::stack::{Stack, StackSettings};
use kudos_projection::{Deliveries, LiveSink, Sink};
use kudos_query::{EventHub, Queries, QueryService, QuerySettings, Sources};
use kudos_runtime::config::Secret;
use kudos_testkit::{ManualClock, MemoryIndex, MemoryJournal, MemoryLive, MemoryTruth};
use kudos_write::{WriteService, WriteSettings};
use libfuzzer_sys::{Corpus, fuzz_target};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Longer than any stall of a busy machine: only an input may cause an error.
const AMPLE_MS: u64 = 60_000;
const AMPLE: Duration = Duration::from_millis(AMPLE_MS);

struct Server {
    runtime: Runtime,
    app: Router,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime with a timer needs nothing");
    let app = runtime.block_on(app());
    Server { runtime, app }
});

async fn app() -> Router {
    let (truth, live) = (Arc::new(MemoryTruth::new()), Arc::new(MemoryLive::new()));
    let clock = Arc::new(ManualClock::new(Millis(1_767_225_600_000)));
    let kinds = Arc::new(Kinds::default());

    let sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(LiveSink(live.clone()))];
    let journal = Arc::new(MemoryJournal::new(ManualClock::clone(&clock)).writer("fuzz"));
    let observer = Arc::new(()) as Arc<_>;
    let deliveries = Deliveries::new(sinks, journal, truth.clone(), AMPLE, &observer);
    let settings = WriteSettings { require_known: false, truth_ms: AMPLE_MS, ..Default::default() };
    let (posts, known) = (truth.clone(), Arc::clone(&kinds));
    let writer =
        WriteService::new(truth.clone(), posts, deliveries, known, clock.clone(), settings);
    let (writes, _) = kudos_write::routes(Arc::new(writer)).split_for_parts();

    let settings = QuerySettings {
        total_ms: AMPLE_MS,
        live_ms: AMPLE_MS,
        index_ms: AMPLE_MS,
        truth_ms: AMPLE_MS,
        ..QuerySettings::default()
    };
    let hub = Arc::new(EventHub::new(truth.log(), Arc::clone(&kinds), &settings, Vec::new()));
    let index = Arc::new(MemoryIndex::new());
    let (recent, newest, mender) = (None, None, None);
    let (posts, kept_posts) = (truth.clone(), truth.clone());
    let sources = Sources { live, truth, index, posts, kept_posts, recent, newest, mender };
    let secret = Secret::new("a secret of thirty-two bytes or more");
    let cursors = CursorKey::from_secret(&secret).expect("it is long enough");
    let service =
        Arc::new(QueryService::new(sources, kinds, clock, cursors, settings, Arc::new(())));
    let streams = EventStreams::new(&SseSettings::default(), CancellationToken::new());
    let (reads, _) = kudos_query::routes(Queries { service, hub, streams }).split_for_parts();

    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let auth = Authenticator::new(&AuthSettings::default(), listen).expect("defaults are valid");
    let limits =
        LimitSettings { writes_per_second: 0, requests_per_second: 0, ..Default::default() };
    let gate = Gate::new(auth, &limits);
    let settings = StackSettings { request_timeout: AMPLE, ..StackSettings::default() };
    let stack = Stack::new(&settings).expect("defaults are valid");
    stack.wrap(gate.writes(writes).merge(gate.reads(reads)))
}

/// `METHOD URI`, header lines, an empty line, the body; none where hyper would refuse it.
fn parse(data: &[u8]) -> Option<Request<Body>> {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let body = data.get(end + 2..).unwrap_or_default();
    let mut lines = data[..end].split(|&byte| byte == b'\n');
    let mut first = lines.next()?.splitn(2, |&byte| byte == b' ');
    let method = Method::from_bytes(first.next()?).ok()?;
    let uri = Uri::try_from(first.next()?).ok()?;
    let mut request = Request::new(Body::from(body.to_vec()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(request) = parse(data) else {
        return Corpus::Reject;
    };
    let answer = SERVER.runtime.block_on(SERVER.app.clone().oneshot(request));
    let Ok(answer) = answer;
    assert!(!answer.status().is_server_error(), "{}", answer.status());
    Corpus::Keep
});
