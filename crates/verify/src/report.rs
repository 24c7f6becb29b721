use kudos_core::PostId;
use kudos_core::ports::Said;
use serde::Serialize;

/// How a copy is wrong about a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// It does not hold the post, or not everywhere that it should.
    Missing,
    /// It holds an older version, and had time to learn of the newer one.
    Behind,
    /// It holds a version that the truth never made.
    Ahead,
    /// It says something else of the same version.
    Different,
    /// It holds the post where it must not: unknown to the truth, hidden, or elsewhere.
    Stranger,
}

impl Wrong {
    /// The same word as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Behind => "behind",
            Self::Ahead => "ahead",
            Self::Different => "different",
            Self::Stranger => "stranger",
        }
    }
}

/// One value that is not as it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Which.
    pub name: String,
    /// What it should be; none if it should not be there.
    pub truth: Option<Said>,
    /// What it is; none if it is not there.
    pub found: Option<Said>,
}

/// A post of which a copy is not what the truth says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The post.
    pub post: PostId,
    /// The copy: `rows`, which are the truth's own, or the name of a mirror.
    pub copy: &'static str,
    /// How it is wrong.
    pub wrong: Wrong,
    /// Where; of a post that stands at the wrong place, the place.
    pub fields: Vec<Field>,
    /// Whether it was mended; none if that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended: Option<bool>,
}

/// A copy, or the truth, that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Which.
    pub copy: &'static str,
    /// Why.
    pub why: String,
}

impl Failure {
    pub(crate) fn about(self, post: &PostId) -> Self {
        Self { why: format!("{post}: {}", self.why), ..self }
    }
}

/// What was done with one copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// Its name.
    pub copy: &'static str,
    /// Posts of which it was compared.
    pub compared: u64,
    /// What was found in it when it was searched for strangers.
    pub searched: u64,
    /// Differences.
    pub differing: u64,
}

/// What a verifier found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Whether it came to its end.
    pub finished: bool,
    /// Posts that were compared.
    pub posts: u64,
    /// Posts whose rows were counted anew.
    pub recounted: u64,
    /// Copies of posts that could not be judged, because the posts changed all the while.
    pub unsettled: u64,
    /// Differences.
    pub differing: u64,
    /// Those that were mended.
    pub mended: u64,
    /// What was done with each copy.
    pub copies: Vec<CopyReport>,
    /// What could not be asked, or not to its end.
    pub failures: Vec<Failure>,
    /// Posts that were asked for by name, and that neither the truth nor a copy knows.
    pub unknown: Vec<PostId>,
    /// The first differences.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Whether all could be asked, to the end.
    pub fn is_complete(&self) -> bool {
        self.finished && self.failures.is_empty()
    }

    /// Whether nothing is wrong any more.
    pub fn is_clean(&self) -> bool {
        self.differing == self.mended
    }

    pub(crate) fn add(&mut self, difference: Difference, listed: usize) {
        self.differing += 1;
        self.mended += u64::from(difference.mended == Some(true));
        let copy = self.copies.iter_mut().find(|copy| copy.copy == difference.copy);
        if let Some(copy) = copy {
            copy.differing += 1;
        }
        if self.differences.len() < listed {
            self.differences.push(difference);
        }
    }

    /// Notes the first failure of each copy.
    pub(crate) fn fail(&mut self, failure: Failure) {
        if !self.has_failed(failure.copy) {
            self.failures.push(failure);
        }
    }

    pub(crate) fn has_failed(&self, copy: &str) -> bool {
        self.failures.iter().any(|failure| failure.copy == copy)
    }
}

/// The task of looking through the posts.
pub const POSTS: &str = "posts";

/// How far a verifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is looked through: [`POSTS`], or a copy by its name.
    pub task: &'static str,
    /// How much of it.
    pub done: u64,
    /// Differences so far.
    pub differing: u64,
}
