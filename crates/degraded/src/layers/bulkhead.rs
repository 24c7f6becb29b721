//! A bulkhead around a service.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{Bulkhead, Deadline, Full, Slot};

/// Bounds the calls of all services made by it; see [`Bulkhead`]. A call that finds a slot allocates
/// nothing; one that has to queue is boxed.
#[derive(Debug, Clone)]
pub struct BulkheadLayer {
    bulkhead: Bulkhead,
}

impl BulkheadLayer {
    /// Shares the slots of `bulkhead`.
    pub const fn new(bulkhead: Bulkhead) -> Self {
        Self { bulkhead }
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = BulkheadService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService { inner, bulkhead: self.bulkhead.clone() }
    }
}

/// A service behind a bulkhead; made by [`BulkheadLayer`].
#[derive(Debug, Clone)]
pub struct BulkheadService<S> {
    inner: S,
    bulkhead: Bulkhead,
}

impl<S, Request> Service<Request> for BulkheadService<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: From<Full>,
    Request: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BulkheadFuture<S::Future, S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(slot) = self.bulkhead.free_slot() {
            let call = self.inner.call(request);
            return BulkheadFuture { stage: Stage::Called { call, slot: Some(slot) } };
        }
        // The service that was polled ready goes with the call; its clone stays behind.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let bulkhead = self.bulkhead.clone();
        let queued = Box::pin(async move {
            let _slot = bulkhead.enter(Deadline::after(bulkhead.max_wait())).await?;
            inner.call(request).await
        });
        BulkheadFuture { stage: Stage::Queued { queued } }
    }
}

/// A call that waits for its slot: boxed, since waiting is not the common path.
type Queued<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

pin_project! {
    /// The call of a [`BulkheadService`]. Dropped early, it leaves the queue or frees its slot.
    pub struct BulkheadFuture<F, T, E> {
        #[pin]
        stage: Stage<F, T, E>,
    }
}

pin_project! {
    #[project = Projected]
    enum Stage<F, T, E> {
        Called { #[pin] call: F, slot: Option<Slot> },
        Queued { queued: Queued<T, E> },
    }
}

impl<F, T, E> Future for BulkheadFuture<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().stage.project() {
            Projected::Called { call, slot } => {
                let result = ready!(call.poll(cx));
                // Not left to the drop of this future, which its owner may keep.
                *slot = None;
                Poll::Ready(result)
            }
            Projected::Queued { queued } => queued.as_mut().poll(cx),
        }
    }
}
