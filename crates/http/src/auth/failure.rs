//! Why nobody credible is calling.

/// Why a request is not authenticated. The texts are shown to the client; they say which rule was
/// broken and nothing of the key or the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthFailure {
    /// Mode header: the gateway named nobody.
    #[error("this needs a user, named by the gateway in X-User-Id")]
    NoUser,
    /// Mode jwt: there is no token.
    #[error("this needs a bearer token")]
    NoToken,
    /// The `Authorization` header is not one bearer token of a sensible size.
    #[error("Authorization must be given once, as `Bearer <token>` of at most 8192 bytes")]
    NotBearer,
    /// The token is no JWT, or demands an extension that is not understood.
    #[error("the token is malformed")]
    Malformed,
    /// The token is signed by another algorithm than the configured one.
    #[error("the token's algorithm is not the one that this deployment takes")]
    Algorithm,
    /// No key of that id is published.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token's `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// The token's `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// The token is by somebody else.
    #[error("the token is from another issuer")]
    Issuer,
    /// A claim that is needed is missing or has another type.
    #[error("the token lacks a claim: sub and exp are needed, aud and iss where configured")]
    Claims,
}

impl AuthFailure {
    /// The `WWW-Authenticate` header.
    pub const fn challenge(self) -> &'static str {
        match self {
            Self::NoUser => "X-User-Id realm=\"kudos\"",
            Self::NoToken => "Bearer realm=\"kudos\"",
            Self::NotBearer => "Bearer realm=\"kudos\", error=\"invalid_request\"",
            _ => "Bearer realm=\"kudos\", error=\"invalid_token\"",
        }
    }
}
