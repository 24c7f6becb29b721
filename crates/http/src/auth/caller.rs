//! The caller of a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kudos_core::UserId;

use super::{AuthFailure, Scope, Scopes};
use crate::problem::Problem;

/// Who is calling: a user, or nobody in particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user; none of an anonymous request.
    pub user: Option<UserId>,
    /// What the caller may do; nothing if anonymous.
    pub scopes: Scopes,
    /// What is said when a user is needed and none is named.
    missing: AuthFailure,
}

impl Caller {
    /// A user with scopes.
    pub fn user(user: UserId, scopes: Scopes) -> Self {
        Self { user: Some(user), scopes, missing: AuthFailure::NoUser }
    }

    /// Nobody; `missing` is what is said when a user is needed.
    pub fn anonymous(missing: AuthFailure) -> Self {
        Self { user: None, scopes: Scopes::NONE, missing }
    }

    /// The user, or 401.
    pub fn named(&self) -> Result<&UserId, Problem> {
        self.user.as_ref().ok_or(Problem::Unauthenticated(self.missing))
    }

    /// The user if they have the scope: 401 without a user, 403 without the scope.
    pub fn require(&self, scope: Scope) -> Result<&UserId, Problem> {
        let user = self.named()?;
        if self.scopes.has(scope) { Ok(user) } else { Err(Problem::Forbidden(scope)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Without a gate nobody was authenticated: that is our mistake, and nobody gets through.
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::internal(&"a route that takes a caller has no gate"))
    }
}

/// The caller of an operation that needs a user, whatever their scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequireUser(pub UserId);

impl<S: Send + Sync> FromRequestParts<S> for RequireUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.named().cloned().map(Self)
    }
}
