use std::time::Duration;

/// How a verifier goes about its work.
#[derive(Debug, Clone)]
pub struct VerifySettings {
    /// The rows of every so many-th post are counted anew; 0 for none, 1 for all. It is the dear
    /// part: it reads every reaction of the post.
    pub rows_every: u64,
    /// Whether copies are searched for what the truth does not know.
    pub strangers: bool,
    /// Whether what differs is mended.
    pub mend: bool,
    /// How long a change may take to reach every copy: what differs is looked at again after it.
    pub settle: Duration,
    /// How often, before a post that changes all the while is left open.
    pub looks: u32,
    /// Posts that are read at a time.
    pub page: usize,
    /// Pages that are under way at once.
    pub in_flight: usize,
    /// The most time for one call.
    pub call_limit: Duration,
    /// How often a call is tried before what it asks is given up.
    pub tries: u32,
    /// The most differences that are listed; all are counted.
    pub listed: usize,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self {
            rows_every: 100,
            strangers: true,
            mend: false,
            settle: Duration::from_secs(5),
            looks: 3,
            page: 200,
            in_flight: 4,
            call_limit: Duration::from_secs(10),
            tries: 4,
            listed: 1_000,
        }
    }
}
