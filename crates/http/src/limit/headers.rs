//! What answers tell of a limit (draft-ietf-httpapi-ratelimit-headers-10).

use std::num::NonZeroU32;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::problem::RatePolicy;

/// The limit that applies: its name, quota (`q`) and window in seconds (`w`).
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of it: requests (`r`), and seconds until all of the quota is back (`t`).
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The headers of one limit.
#[derive(Debug, Clone)]
pub struct RateHeaders {
    name: &'static str,
    policy: HeaderValue,
    rate: u32,
    burst: u32,
}

impl RateHeaders {
    pub(super) fn new(policy: RatePolicy, rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let name = policy.name();
        let window = burst.get().div_ceil(rate.get());
        let text = format!("\"{name}\";q={burst};w={window}");
        Self {
            name,
            // Visible ASCII, so it is a header value; an empty one would only say less.
            policy: HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")),
            rate: rate.get(),
            burst: burst.get(),
        }
    }

    /// Says how many requests are left.
    pub fn write(&self, headers: &mut HeaderMap, remaining: u32) {
        let reset = self.burst.saturating_sub(remaining).div_ceil(self.rate);
        let text = format!("\"{}\";r={remaining};t={reset}", self.name);
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(RATELIMIT, value);
            headers.insert(RATELIMIT_POLICY, self.policy.clone());
        }
    }
}
