//! Rate limits, by the generic cell rate algorithm.
//!
//! Each limit keeps a fixed table of cells, and a user or address is one of them by a keyed hash.
//! So memory is constant, nothing is swept, and a request costs one atomic exchange. Two clients
//! share a cell with a chance of one in [`CELLS`]; which ones do, nobody outside can choose.

mod cells;
mod headers;

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};
use kudos_core::UserId;
use serde::{Deserialize, Serialize};

use crate::problem::{Problem, RatePolicy};
use cells::Cells;

pub use cells::CELLS;
pub use headers::{RATELIMIT, RATELIMIT_POLICY, RateHeaders};

/// How much a client may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Writes per second of one user; 0 for no limit.
    pub writes_per_second: u32,
    /// Writes that one user may make at once.
    pub write_burst: u32,
    /// Requests per second from one address, or from one IPv6 /64; 0 for no limit.
    pub requests_per_second: u32,
    /// Requests that one address may make at once.
    pub request_burst: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            writes_per_second: 100,
            write_burst: 200,
            requests_per_second: 2000,
            request_burst: 4000,
        }
    }
}

/// A limit on what one client may ask for.
pub struct Limit<C: Clock = DefaultClock> {
    limiter: RateLimiter<u64, Cells, C, StateInformationMiddleware>,
    hasher: std::hash::RandomState,
    policy: RatePolicy,
    headers: RateHeaders,
}

impl Limit {
    /// A limit by the machine's monotonic clock; none if the rate is 0.
    pub fn new(policy: RatePolicy, per_second: u32, burst: u32) -> Option<Self> {
        Self::with_clock(policy, per_second, burst, DefaultClock::default())
    }
}

impl<C: Clock> Limit<C> {
    /// A limit by a clock from outside, for tests; none if the rate is 0.
    pub fn with_clock(policy: RatePolicy, per_second: u32, burst: u32, clock: C) -> Option<Self> {
        let rate = NonZeroU32::new(per_second)?;
        // A burst below one would let nothing through.
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let period = Duration::from_secs(1) / rate.get();
        let quota = Quota::with_period(period)?.allow_burst(burst);
        Some(Self {
            limiter: RateLimiter::new(quota, Cells::new(), clock),
            hasher: std::hash::RandomState::new(),
            policy,
            headers: RateHeaders::new(policy, rate, burst),
        })
    }

    /// Counts one request of the client: how many more it may make at once, or 429.
    pub fn admit(&self, client: &impl Hash) -> Result<u32, Problem> {
        let cell = std::hash::BuildHasher::hash_one(&self.hasher, client);
        match self.limiter.check_key(&cell) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => Err(Problem::RateLimited {
                policy: self.policy,
                retry_after: refused.wait_time_from(self.limiter.clock().now()),
            }),
        }
    }
}

/// A [`Limit`] whatever its clock.
pub trait AnyLimit: Send + Sync {
    /// Counts one write of the user.
    fn admit_user(&self, user: &UserId) -> Result<u32, Problem>;
    /// Counts one request from the address.
    fn admit_address(&self, address: IpAddr) -> Result<u32, Problem>;
    /// How its answers tell clients of it.
    fn headers(&self) -> &RateHeaders;
}

impl<C: Clock + Send + Sync> AnyLimit for Limit<C>
where
    C::Instant: Reference + Send + Sync,
{
    fn admit_user(&self, user: &UserId) -> Result<u32, Problem> {
        self.admit(user)
    }

    fn admit_address(&self, address: IpAddr) -> Result<u32, Problem> {
        self.admit(&network(address))
    }

    fn headers(&self) -> &RateHeaders {
        &self.headers
    }
}

/// The address that a client cannot change at will: of IPv6 it has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}
