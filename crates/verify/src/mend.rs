//! Making a copy say what the truth says.

use kudos_core::PostId;

use crate::look::by_post;
use crate::report::Failure;
use crate::verifier::Verifier;

/// How often a copy is told. At first as anybody tells it, which changes nothing where it thinks
/// that it knows better; then it has to forget what it knows.
const TELLINGS: usize = 4;

impl Verifier {
    /// Mends a copy of some posts, and answers with those of which it differs nevertheless. The
    /// truth is read after the copy has forgotten: what others told it before is in there.
    pub(crate) async fn mend(
        &self,
        place: usize,
        mut posts: Vec<PostId>,
    ) -> Result<Vec<PostId>, Failure> {
        for telling in 0..TELLINGS {
            let mut left = Vec::new();
            for posts in posts.chunks(self.settings.page.max(1)) {
                left.extend(self.mend_some(place, posts, telling > 0).await?);
            }
            posts = left;
            if posts.is_empty() {
                break;
            }
        }
        Ok(posts)
    }

    async fn mend_some(
        &self,
        place: usize,
        posts: &[PostId],
        forget: bool,
    ) -> Result<Vec<PostId>, Failure> {
        let (mirror, patience) = (&*self.mirrors[place], self.truth.patience);
        if forget {
            patience.ask(mirror.name(), || mirror.forget(posts)).await?;
        }
        let truth: Vec<_> = self.truth.read(posts).await?.into_iter().flatten().collect();
        patience.ask(mirror.name(), || mirror.tell(&truth)).await?;
        self.differing(place, posts).await
    }

    /// Those of which a copy is neither what the truth was just before nor what it was just after.
    async fn differing(&self, place: usize, posts: &[PostId]) -> Result<Vec<PostId>, Failure> {
        let mirror = &*self.mirrors[place];
        let before: Vec<_> = self.truth.read(posts).await?.into_iter().flatten().collect();
        let held = self.truth.patience.ask(mirror.name(), || mirror.held(&before)).await?;
        let after = by_post(self.truth.read(posts).await?);
        let differs = before.iter().zip(held).filter(|(before, held)| {
            let after = after.get(&before.post.id);
            mirror.expected(before) != *held
                && after.is_none_or(|after| mirror.expected(after) != *held)
        });
        Ok(differs.map(|(truth, _)| truth.post.id.clone()).collect())
    }
}
