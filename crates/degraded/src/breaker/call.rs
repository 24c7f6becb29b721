//! One call through a breaker.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Breaker, Classify, Open, Permit};
use crate::{Elapsed, InTime};

pin_project! {
    /// The call of [`Breaker::call`].
    pub(super) struct Call<'b, F, C> {
        pub(super) breaker: &'b Breaker,
        // Taken when first polled.
        pub(super) permit: Option<Permit>,
        pub(super) classify: C,
        #[pin]
        pub(super) call: InTime<F>,
    }
}

impl<F, C, T, E> Future for Call<'_, F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
    E: From<Open> + From<Elapsed>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.permit.is_none() {
            *this.permit = Some(this.breaker.try_acquire()?);
        }
        let in_time = ready!(this.call.poll(cx));
        // Cut by the deadline, the permit is dropped here and judges by the time that it was given.
        let permit = this.permit.take();
        let result = in_time?;
        if let Some(permit) = permit {
            permit.settle_by(this.classify, &result);
        }
        Poll::Ready(result)
    }
}
