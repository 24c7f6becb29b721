//! Titles and bodies that read as if somebody had written them, so that there is something to
//! search for.

use fastrand::Rng;

use crate::topics::TOPICS;

/// `{s}` is a subject, `{S}` the same as the first word, `{p}` a place, `{a}` an adjective, `{n}` a
/// number.
const TITLES: [&str; 14] = [
    "{n} lessons from a year of {s}",
    "The case for {s} in {p}",
    "A beginner's guide to {s}",
    "{S}: what I would do differently",
    "Who else in {p} loves {s}?",
    "{S} in {p}, a field report",
    "My {a} start with {s}",
    "An unpopular opinion about {s}",
    "{p} and the joy of {s}",
    "The {a} truth about {s}",
    "What {s} taught me about patience",
    "I tried {s} for {n} days",
    "Notes on {s} from a {a} weekend",
    "Ask me anything about {s}",
];

const OPENINGS: [&str; 8] = [
    "It was a {a} morning in {p}, and I had no plan.",
    "A friend from {p} talked me into {s}.",
    "I have put off writing about {s} for {n} weeks.",
    "People keep asking me how I got into {s}.",
    "This is the {a} story that I promised you.",
    "After {n} failed attempts, here is what works.",
    "If you had told me last year that I would care about {s}, I would have laughed.",
    "There is a {a} corner of {p} where {s} makes perfect sense.",
];

const CLOSINGS: [&str; 8] = [
    "More photos tomorrow.",
    "Would I do it again? In a heartbeat.",
    "Tell me what you would have done.",
    "Next stop: {p}.",
    "If you have tips about {s}, I am all ears.",
    "That is all; go outside.",
    "Thank you for reading to the end.",
    "Ask me again in {n} weeks.",
];

const PLACES: [&str; 20] = [
    "Lisbon",
    "Kyoto",
    "Nairobi",
    "Oslo",
    "Montevideo",
    "Tbilisi",
    "Galway",
    "Valparaíso",
    "Hanoi",
    "Ljubljana",
    "Cape Town",
    "Reykjavík",
    "Kraków",
    "Oaxaca",
    "Wellington",
    "Marrakesh",
    "Vancouver",
    "Bologna",
    "Kolkata",
    "Porto Alegre",
];

const ADJECTIVES: [&str; 12] = [
    "quiet",
    "rainy",
    "surprising",
    "humble",
    "messy",
    "glorious",
    "slow",
    "honest",
    "frosty",
    "sunny",
    "chaotic",
    "perfect",
];

const NAMES: [&str; 40] = [
    "ada", "bilal", "chiara", "dmitri", "elif", "femi", "greta", "hiro", "ines", "jonas", "kamala",
    "liam", "mira", "noor", "oskar", "paula", "quinn", "rosa", "sven", "tala", "uma", "viktor",
    "wanjiru", "ximena", "yusuf", "zoe", "amara", "bruno", "celeste", "dario", "esther", "farid",
    "gia", "hana", "ivo", "jun", "katya", "leon", "maya", "nils",
];

/// The name of the `n`-th user; the same number has the same name in every seed.
pub(super) fn user(n: u32) -> String {
    // The remainder of a division by 40 is an index.
    let name = NAMES[n as usize % NAMES.len()];
    match n as usize / NAMES.len() {
        0 => name.to_owned(),
        again => format!("{name}{}", again + 1),
    }
}

/// A title and a body about one subject.
pub(super) fn post(rng: &mut Rng) -> (String, String) {
    let topic = &TOPICS[rng.usize(..TOPICS.len())];
    let subject = pick(&topic.subjects, rng);
    let title = fill(pick(&TITLES, rng), subject, rng);
    let first = rng.usize(..topic.remarks.len());
    let second = (first + 1 + rng.usize(..topic.remarks.len() - 1)) % topic.remarks.len();
    let body = [
        fill(pick(&OPENINGS, rng), subject, rng),
        topic.remarks[first].to_owned(),
        topic.remarks[second].to_owned(),
        fill(pick(&CLOSINGS, rng), subject, rng),
    ];
    (title, body.join(" "))
}

fn pick(choices: &[&'static str], rng: &mut Rng) -> &'static str {
    choices[rng.usize(..choices.len())]
}

fn fill(template: &str, subject: &str, rng: &mut Rng) -> String {
    template
        .replace("{s}", subject)
        .replace("{S}", &capitalised(subject))
        .replace("{p}", pick(&PLACES, rng))
        .replace("{a}", pick(&ADJECTIVES, rng))
        .replace("{n}", &rng.u32(3..31).to_string())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
