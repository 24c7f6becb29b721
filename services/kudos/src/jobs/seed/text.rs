//! Titles and bodies that read as if somebody had written them, so that there is something to
//! search for.

use fastrand::Rng;

struct Topic {
    subjects: [&'static str; 6],
    remarks: [&'static str; 4],
}

const TOPICS: [Topic; 10] = [
    Topic {
        subjects: [
            "sourdough bread", "slow-cooked beans", "homemade noodles", "apple cake",
            "street food", "pickled vegetables",
        ],
        remarks: [
            "The second batch was better than the first, and the third was gone in ten minutes.",
            "Less salt than the recipe says, and twice the time.",
            "My grandmother would have laughed at my oven, but not at the result.",
            "The kitchen still smells of it.",
        ],
    },
    Topic {
        subjects: [
            "winter hiking", "mountain huts", "trail running", "wild camping", "river crossings",
            "long ridge walks",
        ],
        remarks: [
            "We started before sunrise and met nobody until noon.",
            "The map said four hours; my knees say seven.",
            "Bring one more layer than you think you need.",
            "The view at the top was fog, and it was still worth it.",
        ],
    },
    Topic {
        subjects: [
            "Rust lifetimes", "database indexes", "code review", "flaky tests",
            "distributed systems", "command-line tools",
        ],
        remarks: [
            "The bug had been there for two years and took one line to fix.",
            "It got four times faster once we stopped guessing and measured.",
            "Write the test first if you do not trust yourself; I do not.",
            "The documentation was right all along.",
        ],
    },
    Topic {
        subjects: [
            "rescue cats", "old dogs", "backyard chickens", "urban foxes", "garden birds",
            "an anxious parrot",
        ],
        remarks: [
            "She has claimed the warm spot on the router.",
            "Patience and a quiet room did more than any toy.",
            "The vet says everything is fine; the sofa disagrees.",
            "Nobody believes me until they see the video.",
        ],
    },
    Topic {
        subjects: [
            "night trains", "bike commuting", "city trams", "slow travel", "ferry crossings",
            "railway stations",
        ],
        remarks: [
            "We left late and arrived early, which I did not know was possible.",
            "The best seat is on the left side.",
            "It costs a day and gives you three good conversations.",
            "The timetable is a work of fiction, but a kind one.",
        ],
    },
    Topic {
        subjects: [
            "film photography", "street portraits", "long exposures", "old lenses",
            "darkroom prints", "rainy light",
        ],
        remarks: [
            "Out of 36 frames I would keep two.",
            "The blur is the point.",
            "Walk the same street ten times and it will show you something.",
            "Shot at the end of the day, when everything turns gold for eight minutes.",
        ],
    },
    Topic {
        subjects: [
            "meteor showers", "amateur telescopes", "lunar eclipses", "dark skies",
            "rocket launches", "radio astronomy",
        ],
        remarks: [
            "Clouds until midnight, and then the whole sky at once.",
            "A pair of binoculars is all that you need to begin.",
            "The kids counted forty before they fell asleep.",
            "The light we saw left before any of us were born.",
        ],
    },
    Topic {
        subjects: [
            "balcony tomatoes", "native plants", "compost heaps", "community gardens",
            "seed swaps", "stubborn roses",
        ],
        remarks: [
            "The snails took half, and I have made my peace with that.",
            "Water in the morning, talk to them in the evening.",
            "It looked dead in March and now it reaches the window.",
            "The bees found it within a day.",
        ],
    },
    Topic {
        subjects: [
            "jazz trios", "bedroom recordings", "open mic nights", "vinyl records",
            "brass bands", "choir practice",
        ],
        remarks: [
            "The drummer counted in twice as fast as agreed, and it was perfect.",
            "Somebody in the back row cried, and it was me.",
            "Three chords, but the right three.",
            "We recorded it in one take because the neighbours came home.",
        ],
    },
    Topic {
        subjects: [
            "public libraries", "second-hand books", "short stories", "reading groups",
            "bad translations", "picture books",
        ],
        remarks: [
            "I finished it on the last page of the train ride.",
            "The margin notes of a stranger were better than the preface.",
            "We argued for two hours and agreed on the cake.",
            "Page 200 is where it begins.",
        ],
    },
];

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
    "Lisbon", "Kyoto", "Nairobi", "Oslo", "Montevideo", "Tbilisi", "Galway", "Valparaíso", "Hanoi",
    "Ljubljana", "Cape Town", "Reykjavík", "Kraków", "Oaxaca", "Wellington", "Marrakesh",
    "Vancouver", "Bologna", "Kolkata", "Porto Alegre",
];

const ADJECTIVES: [&str; 12] = [
    "quiet", "rainy", "surprising", "humble", "messy", "glorious", "slow", "honest", "frosty",
    "sunny", "chaotic", "perfect",
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
