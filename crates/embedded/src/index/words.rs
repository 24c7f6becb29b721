//! What a word is: the same for posts and for queries.

use std::str::Chars;

use tantivy::tokenizer::{AsciiFoldingFilter, TextAnalyzer, Token, TokenStream, Tokenizer};

/// A longer word is known by its first bytes, which is enough to find it.
const MAX_WORD_BYTES: usize = 128;
/// The most distinct words of a query; further ones narrow nothing.
const MAX_QUERY_WORDS: usize = 32;

/// Splits text into words: runs of letters and digits of any script, in lower case and without
/// accents (`École` is found by `ecole`). Scripts that write no spaces between words, such as
/// Chinese and Japanese, give a word a character.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words::default()).filter(AsciiFoldingFilter).build()
}

/// The distinct words of a query.
pub(super) fn of_query(text: &str) -> Vec<String> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut words: Vec<String> = Vec::new();
    while words.len() < MAX_QUERY_WORDS && stream.advance() {
        let word = &stream.token().text;
        if !words.contains(word) {
            words.push(word.clone());
        }
    }
    words
}

#[derive(Clone, Default)]
struct Words {
    token: Token,
}

struct WordStream<'a> {
    rest: Chars<'a>,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { rest: text.chars(), token: &mut self.token }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text.clear();
        loop {
            let before = self.rest.clone();
            let Some(c) = self.rest.next() else { break };
            // An accent that follows its letter must not split the word.
            if is_accent(c) {
                continue;
            }
            let inside = !self.token.text.is_empty();
            if !c.is_alphanumeric() || is_unspaced(c) && inside {
                if !inside {
                    continue;
                }
                self.rest = before;
                break;
            }
            if self.token.text.len() + c.len_utf8() <= MAX_WORD_BYTES {
                self.token.text.extend(c.to_lowercase());
            }
            if is_unspaced(c) {
                break;
            }
        }
        !self.token.text.is_empty()
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Kana and ideographs.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(of_query("It's 7:30, DON'T"), ["it", "s", "7", "30", "don", "t"]);
        assert_eq!(of_query("* - !?"), [""; 0]);
    }

    #[test]
    fn accents_do_not_matter_however_they_are_encoded() {
        assert_eq!(of_query("École"), ["ecole"]);
        assert_eq!(of_query("e\u{301}cole"), ["ecole"]);
    }

    #[test]
    fn unspaced_scripts_give_a_word_a_character() {
        assert_eq!(of_query("東京tower2"), ["東", "京", "tower2"]);
        assert_eq!(of_query("x東 y"), ["x", "東", "y"]);
    }

    #[test]
    fn words_and_their_number_are_bounded() {
        let long = "x".repeat(100_000);
        assert_eq!(of_query(&long), ["x".repeat(MAX_WORD_BYTES)]);
        let many: String = (0..1000).map(|n| format!("w{n} w{n} ")).collect();
        assert_eq!(of_query(&many).len(), MAX_QUERY_WORDS);
    }

    proptest! {
        #[test]
        fn any_text_splits_into_words_that_stay_as_they_are(text in "\\PC{0,80}") {
            for word in of_query(&text) {
                prop_assert!(!word.is_empty());
            }
        }
    }
}
