//! Who is calling, and what they may do.
//!
//! A [`Gate`](crate::gate::Gate) asks the [`Authenticator`] once per request and leaves the
//! [`Caller`] in the request's extensions, from where handlers take it as an extractor.

mod authenticator;
mod caller;
mod failure;
mod keys;
mod scope;
mod settings;
mod source;
mod token;

pub use authenticator::Authenticator;
pub use caller::{Caller, RequireUser};
pub use failure::AuthFailure;
pub use keys::{FetchError, FetchKeys};
pub use scope::{Scope, Scopes, UnknownScope};
pub use settings::{AuthMode, AuthSettings, AuthSettingsError, JwtAlgorithm, JwtSettings};
