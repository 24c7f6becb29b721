//! The process's TLS implementation.

/// Makes `ring` the cryptography of every TLS client in the process: it builds with a C compiler
/// alone. [`start`](crate::start::start) does this first; code that builds a `reqwest::Client`
/// without it (a test, say) calls it before. Calling it again changes nothing.
pub fn install() {
    // An error means that a provider is installed already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
