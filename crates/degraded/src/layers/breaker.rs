//! A breaker around a service.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{AnyError, Breaker, Classify, Open, Permit};

/// Refuses calls while the node's breaker is open, and settles it by their results.
#[derive(Debug, Clone)]
pub struct BreakerLayer<C = AnyError> {
    breaker: Breaker,
    classify: C,
}

impl BreakerLayer {
    /// Every error counts against the node.
    pub const fn new(breaker: Breaker) -> Self {
        Self { breaker, classify: AnyError }
    }
}

impl<C> BreakerLayer<C> {
    /// Lets `classify` say which results count against the node.
    pub fn classify<D>(self, classify: D) -> BreakerLayer<D> {
        BreakerLayer { breaker: self.breaker, classify }
    }
}

impl<S, C: Clone> Layer<S> for BreakerLayer<C> {
    type Service = BreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService { inner, breaker: self.breaker.clone(), classify: self.classify.clone() }
    }
}

/// A service behind a breaker; made by [`BreakerLayer`].
#[derive(Debug, Clone)]
pub struct BreakerService<S, C = AnyError> {
    inner: S,
    breaker: Breaker,
    classify: C,
}

impl<S, C, Request> Service<Request> for BreakerService<S, C>
where
    S: Service<Request>,
    S::Error: From<Open>,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BreakerFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let stage = match self.breaker.try_acquire() {
            Ok(permit) => Stage::Called { call: self.inner.call(request), permit: Some(permit) },
            Err(open) => Stage::Refused { open },
        };
        BreakerFuture { stage, classify: self.classify.clone() }
    }
}

pin_project! {
    /// The call of a [`BreakerService`]. Dropped early, it abandons its permit.
    #[derive(Debug)]
    pub struct BreakerFuture<F, C> {
        #[pin]
        stage: Stage<F>,
        classify: C,
    }
}

pin_project! {
    #[project = Projected]
    #[derive(Debug)]
    enum Stage<F> {
        Refused { open: Open },
        Called { #[pin] call: F, permit: Option<Permit> },
    }
}

impl<F, C, T, E> Future for BreakerFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
    E: From<Open>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.stage.project() {
            Projected::Refused { open } => Poll::Ready(Err((*open).into())),
            Projected::Called { call, permit } => {
                let result = ready!(call.poll(cx));
                if let Some(permit) = permit.take() {
                    permit.settle_by(this.classify, &result);
                }
                Poll::Ready(result)
            }
        }
    }
}
