//! Histories written by hand, that one post which does one thing after the other could have given,
//! and that it could not.

use std::collections::BTreeMap;
use std::time::Duration;

use kudos_core::{Counts, Kind, PostId, UserId, Version};
use kudos_testkit::checker::{
    Ack, Asked, Freshness, Recording, Reply, Request, Sent, Shown, Verdict,
};
use tokio::time::advance;

const LIKE: Option<Kind> = Some(Kind(0));
const LOVE: Option<Kind> = Some(Kind(1));

/// A recording of one post, told line by line.
#[derive(Default)]
struct Story {
    recording: Recording,
    sent: BTreeMap<String, Vec<Sent>>,
}

fn post() -> PostId {
    PostId::new("p").unwrap()
}

fn counts<const N: usize>(counts: [u64; N]) -> Counts {
    counts.into_iter().collect()
}

impl Story {
    /// The user of a key is its first letter.
    fn send(&mut self, key: &str, want: Option<Kind>) {
        let user = UserId::new(&key[..1]).unwrap();
        let request = Request { key: key.into(), post: post(), user, want };
        let sent = self.recording.sent(&request);
        self.sent.entry(key.into()).or_default().push(sent);
    }

    /// The first sending of the key that is under way is answered.
    fn reply(&mut self, key: &str, reply: &Reply) {
        let sent = self.sent.get_mut(key).unwrap().remove(0);
        self.recording.answered(sent, reply);
    }

    fn ack<const N: usize>(&mut self, key: &str, mine: Option<Kind>, version: u64, now: [u64; N]) {
        let (version, counts) = (Version(version), counts(now));
        self.reply(key, &Reply::Acknowledged(Ack { mine, changed: true, version, counts }));
    }

    fn same<const N: usize>(&mut self, key: &str, mine: Option<Kind>, version: u64, now: [u64; N]) {
        let (version, counts) = (Version(version), counts(now));
        self.reply(key, &Reply::Acknowledged(Ack { mine, changed: false, version, counts }));
    }

    fn change<const N: usize>(&mut self, key: &str, to: Option<Kind>, version: u64, now: [u64; N]) {
        self.send(key, to);
        self.ack(key, to, version, now);
    }

    fn shown<const N: usize>(
        &mut self,
        asked: Asked,
        freshness: Freshness,
        version: u64,
        now: [u64; N],
    ) {
        let (version, counts) = (Version(version), counts(now));
        let shown = Shown { post: post(), version, counts, freshness };
        self.recording.shown(asked, Some(vec![shown]));
    }

    fn read<const N: usize>(&mut self, freshness: Freshness, version: u64, now: [u64; N]) {
        let asked = self.recording.asked();
        self.shown(asked, freshness, version, now);
    }

    fn fresh<const N: usize>(&mut self, version: u64, now: [u64; N]) {
        self.read(Freshness::Fresh, version, now);
    }

    #[track_caller]
    fn is_well(&self) {
        let verdict = self.recording.judge();
        assert!(verdict.is_exact(), "{verdict}");
    }

    /// Whether one of the differences has these words.
    #[track_caller]
    fn is_wrong(&self, words: &str) -> Verdict {
        let verdict = self.recording.judge();
        assert!(verdict.blames("history"), "{verdict}");
        assert!(verdict.to_string().contains(words), "{words}: {verdict}");
        verdict
    }
}

#[test]
fn one_thing_after_the_other_is_well() {
    let mut story = Story::default();
    story.fresh(0, []);
    story.change("a1", LIKE, 1, [1]);
    story.change("b1", LOVE, 2, [1, 1]);
    story.change("a2", LOVE, 3, [0, 2]);
    story.send("a3", LOVE);
    story.same("a3", LOVE, 3, [0, 2]);
    story.change("b2", None, 4, [0, 1]);
    story.fresh(4, [0, 1]);
    story.is_well();
}

#[test]
fn things_at_one_time_come_in_any_order() {
    let mut story = Story::default();
    story.send("a1", LIKE);
    story.send("b1", LIKE);
    let asked = story.recording.asked();
    story.ack("a1", LIKE, 2, [2]);
    story.ack("b1", LIKE, 1, [1]);
    story.shown(asked, Freshness::Fresh, 1, [1]);
    story.is_well();
}

#[test]
fn what_began_later_has_no_lower_version() {
    let mut story = Story::default();
    story.change("a1", LIKE, 2, [2]);
    story.change("b1", LIKE, 1, [1]);
    story.is_wrong("the answer to b1 of b: expected version 3 or above");
}

#[test]
fn a_fresh_read_does_not_go_back() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.send("b1", LIKE);
    story.fresh(2, [2]);
    story.fresh(1, [1]);
    story.ack("b1", LIKE, 2, [2]);
    story.is_wrong("a read (Fresh): expected version 2 or above, after a read");
}

#[test]
fn a_fresh_read_does_not_miss_what_was_acknowledged() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.fresh(0, []);
    story.is_wrong("a read (Fresh): expected version 1 or above, after the answer to a1 of a");
}

#[test]
fn nothing_is_shown_before_it_is_asked_for() {
    for freshness in [Freshness::Fresh, Freshness::Old] {
        let mut story = Story::default();
        story.read(freshness, 1, [1]);
        story.change("a1", LIKE, 1, [1]);
        story.is_wrong("the answer to a1 of a: expected version 2 or above, after a read");
    }
}

#[test]
fn an_honest_old_read_may_be_old_and_not_wrong() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.change("b1", LOVE, 2, [1, 1]);
    story.read(Freshness::Old, 1, [1]);
    story.is_well();
    story.read(Freshness::Old, 1, [2]);
    story.is_wrong("a read (Old): expected [1] at version 1, as the answer to a1 of a has it");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_told_later_may_be_as_late_as_it_says() {
    let second = Freshness::Within(Duration::from_secs(1));
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    advance(Duration::from_millis(900)).await;
    story.read(second, 0, []);
    story.is_well();
    advance(Duration::from_millis(200)).await;
    story.read(second, 0, []);
    story.is_wrong("a read (Within(1s)): expected version 1 or above");
}

#[test]
fn two_changes_have_two_versions() {
    let mut story = Story::default();
    story.send("a1", LIKE);
    story.send("b1", LIKE);
    story.ack("a1", LIKE, 1, [1]);
    story.ack("b1", LIKE, 1, [1]);
    story.is_wrong("b1 of b: expected a version of its own, as 1 is that of a1");
}

#[test]
fn a_change_has_a_version_above_that_of_an_empty_post() {
    let mut story = Story::default();
    story.change("a1", LIKE, 0, []);
    story.is_wrong("a1 of a: expected a version for a change");
}

#[test]
fn an_answer_has_the_counts_that_all_before_it_lead_to() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.change("b1", LIKE, 2, [3]);
    story.is_wrong("b1 of b: expected [2] at version 2, found [3]");
}

#[test]
fn what_changes_nothing_is_not_a_change() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.change("a2", LIKE, 2, [1]);
    let verdict = story.is_wrong("a2 of a: expected no change at version 2");
    assert!(verdict.to_string().contains("expected an order of the user's operations"));
}

#[test]
fn what_changes_something_is_a_change() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.send("b1", LIKE);
    story.same("b1", LIKE, 1, [1]);
    let verdict = story.is_wrong("b1 of b: expected a change, as None is held at version 1");
    assert!(verdict.to_string().contains("expected an order of the user's operations"));
}

#[test]
fn a_change_that_nobody_asked_for_is_found() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.change("b1", LIKE, 3, [3]);
    story.is_wrong("1 versions up to 3, the first of which is 2: expected at most 0");
}

#[test]
fn an_operation_without_an_answer_may_happen_or_not() {
    let mut story = Story::default();
    story.send("a1", LIKE);
    story.reply("a1", &Reply::Unknown);
    story.fresh(0, []);
    story.is_well();
    story.change("b1", LIKE, 2, [2]);
    story.is_well();
    story.change("c1", LIKE, 3, [3]);
    story.fresh(3, [3]);
    story.is_well();
}

/// Nobody was told what became of it, so it may still be on its way; but only once.
#[test]
fn an_operation_without_an_answer_may_happen_late_but_once() {
    let mut story = Story::default();
    story.send("a1", LIKE);
    story.change("a2", LOVE, 1, [0, 1]);
    story.fresh(2, [1]);
    story.is_well();
    story.change("a3", LOVE, 3, [0, 1]);
    story.is_well();
    story.fresh(4, [1]);
    story.is_wrong("2 versions up to 4");
}

#[test]
fn an_operation_that_was_answered_does_not_happen_again_after_a_newer_one() {
    let mut story = Story::default();
    story.send("a1", LIKE);
    story.reply("a1", &Reply::Unknown);
    story.change("a1", LIKE, 1, [1]);
    story.change("a2", None, 2, []);
    story.is_well();
    story.fresh(3, [1]);
    story.is_wrong("1 versions up to 3, the first of which is 3: expected at most 0");
}

#[test]
fn an_operation_that_was_refused_does_not_happen() {
    for reply in [Reply::Busy, Reply::Stale] {
        let mut story = Story::default();
        story.send("a1", LIKE);
        story.reply("a1", &reply);
        story.is_well();
        story.fresh(1, [1]);
        story.is_wrong("1 versions up to 1");
    }
}

#[test]
fn a_read_between_tells_when_an_operation_without_an_answer_happened() {
    let mut story = Story::default();
    story.send("a1", LIKE);
    story.change("b1", LOVE, 1, [0, 1]);
    story.send("c1", LOVE);
    story.fresh(3, [1, 2]);
    story.fresh(3, [1, 2]);
    story.is_well();
    story.read(Freshness::Old, 2, [0, 2]);
    story.is_well();
    story.read(Freshness::Old, 2, [2]);
    story.is_wrong("at version 2");
}

/// What was shown before it was sent cannot be its doing.
#[test]
fn an_operation_without_an_answer_makes_no_version_that_was_there_before() {
    let mut story = Story::default();
    story.change("b1", LIKE, 1, [1]);
    story.fresh(2, [2]);
    story.send("a1", LIKE);
    story.is_wrong("version 2");
}

/// The first that fit, a1 and b1, are wrong: only what follows tells.
#[test]
fn the_right_ones_of_many_operations_without_an_answer_are_found() {
    let mut story = four_likes_and(&["b2"]);
    story.fresh(3, [2, 1]);
    story.change("x1", LIKE, 4, [3, 1]);
    story.change("a3", LOVE, 5, [2, 2]);
    story.change("c3", None, 6, [1, 2]);
    story.change("d3", LIKE, 7, [2, 2]);
    story.is_well();
}

/// The love of a comes before a's like, or after it: there are four likes then, or three.
#[test]
fn operations_without_an_answer_do_not_lead_to_any_counts() {
    for (counts, possible) in [([4, 0], true), ([3, 1], true), ([3, 0], false), ([2, 2], false)] {
        let mut story = four_likes_and(&["a2"]);
        story.fresh(5, counts);
        match possible {
            true => story.is_well(),
            false => drop(story.is_wrong("version 5")),
        }
    }
}

fn four_likes_and(loves: &[&str]) -> Story {
    let mut story = Story::default();
    ["a1", "b1", "c1", "d1"].into_iter().for_each(|key| story.send(key, LIKE));
    loves.iter().for_each(|key| story.send(key, LOVE));
    story
}

#[test]
fn a_request_gets_one_answer() {
    let mut story = Story::default();
    story.change("a1", LIKE, 1, [1]);
    story.change("b1", LIKE, 2, [2]);
    story.change("a1", LIKE, 1, [1]);
    story.is_well();
    story.change("a1", LIKE, 2, [2]);
    story.is_wrong("a1 of a: expected Ack");
}

/// The second sending is answered first: that ends it.
#[test]
fn a_request_ends_with_its_first_answer() {
    let mut story = Story::default();
    story.send("a1", LIKE);
    story.send("a1", LIKE);
    story.sent.get_mut("a1").unwrap().reverse();
    story.ack("a1", LIKE, 2, [2]);
    story.change("b1", LIKE, 1, [1]);
    story.ack("a1", LIKE, 2, [2]);
    story.is_wrong("b1 of b: expected version 3 or above");
}
