//! Bearer tokens, and names in the trusted header: nobody gets in without a signature.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kudos_http::auth::{AuthMode, AuthSettings, Authenticator};
use kudos_runtime::config::Secret;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

struct Door {
    runtime: Runtime,
    by_token: Authenticator,
    by_name: Authenticator,
}

static DOOR: LazyLock<Door> = LazyLock::new(|| {
    let authenticator = |mode| {
        let mut settings = AuthSettings { mode, ..AuthSettings::default() };
        settings.jwt.secret = Secret::new("a secret of thirty-two bytes or more");
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        Authenticator::new(&settings, listen).expect("the settings are valid")
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    Door {
        runtime: runtime.expect("a runtime without drivers needs nothing"),
        by_token: authenticator(AuthMode::Jwt),
        by_name: authenticator(AuthMode::Header),
    }
});

fuzz_target!(|data: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let ask = |door: &Authenticator, name, value| {
        let headers = HeaderMap::from_iter([(name, value)]);
        DOOR.runtime.block_on(door.authenticate(&headers))
    };
    let Ok(bearer) = HeaderValue::from_bytes(&[b"Bearer ", data].concat()) else {
        return;
    };
    let refused = ask(&DOOR.by_token, header::AUTHORIZATION, bearer);
    let problem = refused.expect_err("an unsigned token was taken");
    assert_eq!(problem.into_response().status(), StatusCode::UNAUTHORIZED);

    let name = header::HeaderName::from_static("x-user-id");
    if let Err(problem) = ask(&DOOR.by_name, name, value) {
        assert!(problem.into_response().status().is_client_error());
    }
});
