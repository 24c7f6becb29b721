//! What is asked: three reads to a write; 9 adds to 3 removals to 8 changes.

use fastrand::Rng;

use super::LoadArgs;

/// Rows that are remembered as held, to be changed or taken back.
const HELD: usize = 10_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// Hold this kind, or none, under a key of its own.
    React { post: u32, user: u32, want: Option<usize>, key: u64 },
    /// The counts of a post.
    Counts { post: u32, user: u32 },
    /// The most popular posts.
    Popular,
}

/// Draws requests.
pub(super) struct Mix {
    rng: Rng,
    /// Sums of the posts' shares.
    shares: Vec<f64>,
    users: u32,
    kinds: usize,
    run: String,
    held: Vec<(u32, u32, usize)>,
    drawn: u64,
}

impl Mix {
    pub(super) fn new(args: &LoadArgs) -> Self {
        let mut sum = 0.0;
        let share = |rank: u32| {
            sum += f64::from(rank).powf(-args.skew);
            sum
        };
        let shares = (1..=args.posts).map(share).collect();
        // Another run with the same seed makes the same requests under other keys.
        let run = format!("{:08x}", fastrand::u32(..));
        let (users, kinds) = (args.users, args.kinds.len());
        let rng = Rng::with_seed(args.seed);
        Self { rng, shares, users, kinds, run, held: Vec::new(), drawn: 0 }
    }

    /// The id of the `n`-th post, the same in every run.
    pub(super) fn post(&self, n: u32) -> String {
        format!("load-{n:06}")
    }

    /// What is before the number in every key of this run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    pub(super) fn draw(&mut self) -> Ask {
        self.drawn += 1;
        let (post, user) = (self.popular_post(), self.rng.u32(..self.users));
        match self.rng.u8(..12) {
            0..3 => self.write(post, user),
            3..9 => Ask::Counts { post, user },
            _ => Ask::Popular,
        }
    }

    fn write(&mut self, post: u32, user: u32) -> Ask {
        let key = self.drawn;
        let row = match self.rng.u8(..20) {
            0..9 => None,
            9..12 => self.take_held().map(|(post, user, _)| (post, user, None)),
            _ => self.take_held().map(|(post, user, kind)| (post, user, Some(kind + 1))),
        };
        let (post, user, want) = match row {
            Some((post, user, want)) => (post, user, want.map(|kind| kind % self.kinds)),
            None => (post, user, Some(self.rng.usize(..self.kinds))),
        };
        if let Some(kind) = want {
            self.hold((post, user, kind));
        }
        Ask::React { post, user, want, key }
    }

    fn hold(&mut self, row: (u32, u32, usize)) {
        if self.held.len() < HELD {
            self.held.push(row);
        } else {
            let place = self.rng.usize(..HELD);
            self.held[place] = row;
        }
    }

    fn take_held(&mut self) -> Option<(u32, u32, usize)> {
        let held = self.held.len();
        (held > 0).then(|| self.held.swap_remove(self.rng.usize(..held)))
    }

    fn popular_post(&mut self) -> u32 {
        let drawn = self.rng.f64() * self.shares.last().copied().unwrap_or_default();
        let place = self.shares.partition_point(|&until| until <= drawn);
        // There are as many shares as posts, whose number has 32 bits.
        place.min(self.shares.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: LoadArgs,
    }

    #[test]
    fn requests_have_the_shares_that_are_promised() {
        let args = Cli::parse_from(["load"]).args;
        let mut mix = Mix::new(&args);
        let asks: Vec<_> = (0..100_000).map(|_| mix.draw()).collect();
        let share = |wanted: fn(&Ask) -> bool| {
            asks.iter().filter(|ask| wanted(ask)).count() as f64 / asks.len() as f64
        };
        let writes = share(|ask| matches!(ask, Ask::React { .. }));
        assert!((writes - 0.25).abs() < 0.01, "{writes}");
        let removals = share(|ask| matches!(ask, Ask::React { want: None, .. })) / writes;
        assert!((removals - 0.15).abs() < 0.01, "{removals}");
        let first = share(|ask| matches!(ask, Ask::Counts { post: 0, .. })) / 0.5;
        assert!((0.10..0.17).contains(&first), "{first}");
    }
}
