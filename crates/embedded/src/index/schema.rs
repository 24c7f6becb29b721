//! What the index holds of a post.

use kudos_core::{Post, PostId};
use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{TantivyDocument, Term};

/// The tokenizer's name in the index; see [`super::words`].
pub(super) const WORDS: &str = "words";
/// Name of the column of post ids.
pub(super) const POST: &str = "post";
/// Name of the column of creation times.
pub(super) const CREATED_AT: &str = "created_at";

/// The fields. Counts are not among them: they change a thousand times as often as texts, and the
/// board has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The id: a key to replace by, and a column to read.
    post: Field,
    /// All words, of the title and of the body: one posting list a word decides what matches.
    pub(super) text: Field,
    /// The words of the title alone, which weigh more.
    pub(super) title: Field,
    created_at: Field,
}

impl Fields {
    /// The schema and its fields.
    pub(super) fn define() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let key = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic);
        let words = TextFieldIndexing::default()
            .set_tokenizer(WORDS)
            .set_index_option(IndexRecordOption::WithFreqs);
        let words = TextOptions::default().set_indexing_options(words);
        let key = TextOptions::default().set_indexing_options(key).set_fast("raw");
        let fields = Self {
            post: schema.add_text_field(POST, key),
            text: schema.add_text_field("text", words.clone()),
            title: schema.add_text_field("title", words),
            created_at: schema.add_u64_field(CREATED_AT, NumericOptions::default().set_fast()),
        };
        (schema.build(), fields)
    }

    pub(super) fn document(&self, post: &Post) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_text(self.post, post.id.as_str());
        document.add_text(self.text, &post.title);
        document.add_text(self.text, &post.body);
        document.add_text(self.title, &post.title);
        document.add_u64(self.created_at, post.created_at.0);
        document
    }

    /// What the post's document is replaced or deleted by.
    pub(super) fn key(&self, post: &PostId) -> Term {
        Term::from_field_text(self.post, post.as_str())
    }
}
