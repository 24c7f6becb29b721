//! Which results count against a node.

/// Tells whether a result says that the node is not well. A refusal of a wrong request, or a
/// "not found", says that it is.
///
/// Any `Fn(&Result<T, E>) -> bool` is one.
pub trait Classify<T, E> {
    /// Whether `result` counts as a failure of the node.
    fn is_failure(&self, result: &Result<T, E>) -> bool;
}

impl<T, E, F: Fn(&Result<T, E>) -> bool> Classify<T, E> for F {
    fn is_failure(&self, result: &Result<T, E>) -> bool {
        self(result)
    }
}

/// Every error is the node's failure.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyError;

impl<T, E> Classify<T, E> for AnyError {
    fn is_failure(&self, result: &Result<T, E>) -> bool {
        result.is_err()
    }
}
