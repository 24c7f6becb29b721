//! What every request of a service passes: the address limit, authentication, the user limit.
//!
//! The address comes first, so that forged tokens cannot buy more signature checks than the limit
//! allows. The [`Caller`](crate::auth::Caller) is left in the request's extensions.

mod address;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use crate::auth::Authenticator;
use crate::limit::{AnyLimit, Limit, LimitSettings};
use crate::problem::{Problem, RatePolicy};

pub use address::client_address;

type SharedLimit = Option<Arc<dyn AnyLimit>>;

/// Authentication and limits of one server. Clones share their limits, so that services behind
/// one address count together.
#[derive(Clone)]
pub struct Gate {
    authenticator: Authenticator,
    addresses: SharedLimit,
    writers: SharedLimit,
}

#[derive(Clone)]
struct Side {
    gate: Gate,
    writes: bool,
}

impl Gate {
    /// A gate with the configured limits.
    pub fn new(authenticator: Authenticator, limits: &LimitSettings) -> Self {
        let addresses = Limit::new(
            RatePolicy::RequestsPerAddress,
            limits.requests_per_second,
            limits.request_burst,
        );
        let writers =
            Limit::new(RatePolicy::WritesPerUser, limits.writes_per_second, limits.write_burst);
        let share = |limit: Option<Limit>| limit.map(|l| Arc::new(l) as Arc<dyn AnyLimit>);
        Self::with_limits(authenticator, share(addresses), share(writers))
    }

    /// A gate with limits from outside, for tests.
    pub fn with_limits(
        authenticator: Authenticator,
        addresses: Option<Arc<dyn AnyLimit>>,
        writers: Option<Arc<dyn AnyLimit>>,
    ) -> Self {
        Self { authenticator, addresses, writers }
    }

    /// Puts the gate before the routes of a service that reads: nobody's reads are refused if the
    /// settings say so.
    pub fn reads<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        self.before(router, false)
    }

    /// Puts the gate before the routes of a service that writes: of what changes something (any
    /// method but GET, HEAD and OPTIONS) each user has a share.
    pub fn writes<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        self.before(router, true)
    }

    fn before<S: Clone + Send + Sync + 'static>(
        &self,
        router: Router<S>,
        writes: bool,
    ) -> Router<S> {
        let gate = self.clone();
        router.route_layer(from_fn_with_state(Arc::new(Side { gate, writes }), pass))
    }

    /// Lets the request in, and says which limit was counted and what is left of it.
    async fn admit(&self, request: &mut Request, writes: bool) -> Result<Counted<'_>, Refused<'_>> {
        let mut counted = None;
        if let Some(limit) = &self.addresses
            && let Some(address) = client_address(request, self.authenticator.behind_gateway())
        {
            counted = Some((limit, count(limit, limit.admit_address(address))?));
        }
        let caller = self.authenticator.authenticate(request.headers()).await?;
        if writes && let (Some(limit), Some(user)) = (&self.writers, &caller.user) {
            counted = Some((limit, count(limit, limit.admit_user(user))?));
        }
        if !writes && !self.authenticator.anonymous_reads() {
            caller.named()?;
        }
        request.extensions_mut().insert(caller);
        Ok(counted)
    }
}

type Counted<'a> = Option<(&'a Arc<dyn AnyLimit>, u32)>;

struct Refused<'a> {
    problem: Problem,
    limit: Option<&'a Arc<dyn AnyLimit>>,
}

impl From<Problem> for Refused<'_> {
    fn from(problem: Problem) -> Self {
        Self { problem, limit: None }
    }
}

fn count<'a>(
    limit: &'a Arc<dyn AnyLimit>,
    outcome: Result<u32, Problem>,
) -> Result<u32, Refused<'a>> {
    outcome.map_err(|problem| Refused { problem, limit: Some(limit) })
}

async fn pass(State(side): State<Arc<Side>>, mut request: Request, next: Next) -> Response {
    let writes = side.writes && !request.method().is_safe();
    let (mut response, counted) = match side.gate.admit(&mut request, writes).await {
        Ok(counted) => (next.run(request).await, counted),
        Err(refused) => {
            let counted = refused.limit.map(|limit| (limit, 0));
            (refused.problem.into_response(), counted)
        }
    };
    if let Some((limit, remaining)) = counted {
        limit.headers().write(response.headers_mut(), remaining);
    }
    response
}
