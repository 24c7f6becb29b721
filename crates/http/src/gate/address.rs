//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;

/// The address that the limit counts: the forwarded one behind a gateway, else the peer's. None
/// for a loopback peer, which is this machine, and where the server tells no peer.
pub fn client_address(request: &Request, behind_gateway: bool) -> Option<IpAddr> {
    if behind_gateway && let Some(forwarded) = forwarded(request.headers()) {
        return Some(forwarded);
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.0.ip().to_canonical();
    (!peer.is_loopback()).then_some(peer)
}

/// The last address of `X-Forwarded-For`: the gateway appended it, and clients sent the others.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}
