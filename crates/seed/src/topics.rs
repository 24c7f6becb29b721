//! What seeded posts are about.

/// A field of interest.
pub(super) struct Topic {
    /// What a post can be about; they fit into any title.
    pub(super) subjects: [&'static str; 6],
    /// What can be said about each of them.
    pub(super) remarks: [&'static str; 4],
}

pub(super) const TOPICS: [Topic; 10] = [
    Topic {
        subjects: [
            "sourdough bread",
            "slow-cooked beans",
            "homemade noodles",
            "apple cake",
            "street food",
            "pickled vegetables",
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
            "winter hiking",
            "mountain huts",
            "trail running",
            "wild camping",
            "river crossings",
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
            "Rust lifetimes",
            "database indexes",
            "code review",
            "flaky tests",
            "distributed systems",
            "command-line tools",
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
            "rescue cats",
            "old dogs",
            "backyard chickens",
            "urban foxes",
            "garden birds",
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
            "night trains",
            "bike commuting",
            "city trams",
            "slow travel",
            "ferry crossings",
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
            "film photography",
            "street portraits",
            "long exposures",
            "old lenses",
            "darkroom prints",
            "rainy light",
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
            "meteor showers",
            "amateur telescopes",
            "lunar eclipses",
            "dark skies",
            "rocket launches",
            "radio astronomy",
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
            "balcony tomatoes",
            "native plants",
            "compost heaps",
            "community gardens",
            "seed swaps",
            "stubborn roses",
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
            "jazz trios",
            "bedroom recordings",
            "open mic nights",
            "vinyl records",
            "brass bands",
            "choir practice",
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
            "public libraries",
            "second-hand books",
            "short stories",
            "reading groups",
            "bad translations",
            "picture books",
        ],
        remarks: [
            "I finished it on the last page of the train ride.",
            "The margin notes of a stranger were better than the preface.",
            "We argued for two hours and agreed on the cake.",
            "Page 200 is where it begins.",
        ],
    },
];
