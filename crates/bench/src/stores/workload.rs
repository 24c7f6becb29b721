//! The records of one reaction, as the write path lays them out.

/// How many posts and how many users the reactions are drawn from.
const POSTS: u64 = 100_000;
const USERS: u64 = 100_000;

const USER_VALUE: usize = 90;
const HEAD_VALUE: usize = 60;
const LOG_VALUE: usize = 110;

/// One reaction: a user row, the head of its post and an entry of the event log.
pub(super) struct Op {
    /// Post and user, 24 bytes.
    pub(super) user_key: Vec<u8>,
    pub(super) user_value: Vec<u8>,
    /// Post, 10 bytes.
    pub(super) head_key: Vec<u8>,
    pub(super) head_value: Vec<u8>,
    /// Position in the event log: ascending, 8 bytes big-endian.
    pub(super) log_key: [u8; 8],
    pub(super) log_value: Vec<u8>,
}

/// An endless, reproducible stream of reactions.
pub(super) struct Workload {
    state: u64,
    next_log: u64,
}

impl Workload {
    /// Starts the stream of `seed`, with event positions from `next_log` on.
    pub(super) fn new(seed: u64, next_log: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, next_log }
    }

    /// The next `count` reactions of random posts by random users.
    pub(super) fn batch(&mut self, count: usize) -> Vec<Op> {
        (0..count)
            .map(|_| {
                let (post, user) = (self.random() % POSTS, self.random() % USERS);
                self.op(post, user)
            })
            .collect()
    }

    /// One reaction of each post from `first` on, by the user of [`post_key`].
    pub(super) fn posts(&mut self, first: u64, count: u64) -> Vec<Op> {
        (first..first + count).map(|post| self.op(post, post % USERS)).collect()
    }

    fn op(&mut self, post: u64, user: u64) -> Op {
        let head_key = format!("p{post:09}").into_bytes();
        let user_key = user_key(post, user);
        let log_key = self.next_log.to_be_bytes();
        self.next_log += 1;
        Op {
            user_value: self.value(&user_key, USER_VALUE),
            head_value: self.value(&head_key, HEAD_VALUE),
            log_value: self.value(&user_key, LOG_VALUE),
            user_key,
            head_key,
            log_key,
        }
    }

    /// Half text that compresses, half noise that does not: ids and versions.
    fn value(&mut self, text: &[u8], length: usize) -> Vec<u8> {
        let mut value: Vec<u8> = text.iter().copied().cycle().take(length / 2).collect();
        while value.len() < length {
            let noise = self.random().to_le_bytes();
            let missing = length - value.len();
            value.extend_from_slice(&noise[..missing.min(noise.len())]);
        }
        value
    }

    /// xorshift64*: fast, and the same on every machine.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }
}

/// Key of the user row that [`Workload::posts`] writes for `post`.
pub(super) fn post_key(post: u64) -> Vec<u8> {
    user_key(post, post % USERS)
}

fn user_key(post: u64, user: u64) -> Vec<u8> {
    format!("p{post:09}/u{user:012}").into_bytes()
}
