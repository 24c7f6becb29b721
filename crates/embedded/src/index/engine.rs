//! The index on disk: opening it or making it anew, and committing documents with the cursor.

use std::fs;
use std::path::Path;

use kudos_core::{Post, PostId};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher};

use super::cursor::Cursor;
use super::fault::Fault;
use super::schema::{Fields, WORDS};
use super::words;

/// Documents in memory before a segment is written, in bytes.
const WRITER_BYTES: usize = 20 << 20;

/// The open index. Dropping it gives up what was staged and not committed.
pub(super) struct Engine {
    pub(super) fields: Fields,
    reader: IndexReader,
    writer: IndexWriter,
    /// What is staged reaches to here.
    pub(super) cursor: Cursor,
    staged: Staged,
}

/// What the next commit will hold.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Staged {
    pub(super) posts: usize,
    pub(super) bytes: usize,
}

impl Engine {
    /// Opens the index in `path`, or makes an empty one there that begins to follow a store
    /// whose newest revision is `end`.
    pub(super) fn open(path: &Path, end: u64) -> Result<Self, Fault> {
        fs::create_dir_all(path)?;
        let (schema, fields) = Fields::define();
        let directory = MmapDirectory::open(path).map_err(tantivy::TantivyError::from)?;
        let index = Index::open_or_create(directory, schema)?;
        index.tokenizers().register(WORDS, words::analyzer());
        let cursor = match index.load_metas()?.payload {
            Some(payload) => Cursor::parse(&payload)
                .filter(|cursor| cursor.revision() <= end)
                .ok_or_else(|| Fault::Damaged(format!("{payload:?} is no place in the store")))?,
            None => Cursor::Scanning { from: end, after: None },
        };
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(WRITER_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer = index.writer_with_options(options)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { fields, reader, writer, cursor, staged: Staged::default() })
    }

    /// Stages a post, in the place of what the index has of it.
    pub(super) fn put(&mut self, post: &Post) -> Result<(), Fault> {
        self.remove(&post.id);
        self.writer.add_document(self.fields.document(post))?;
        self.staged.bytes += post.title.len() + post.body.len();
        Ok(())
    }

    /// Stages that a post leaves the index.
    pub(super) fn remove(&mut self, post: &PostId) {
        self.writer.delete_term(self.fields.key(post));
        self.staged.posts += 1;
    }

    pub(super) fn staged(&self) -> Staged {
        self.staged
    }

    /// Makes what is staged durable together with the cursor, and gives the new state to search.
    pub(super) fn commit(&mut self) -> Result<Searcher, Fault> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&self.cursor.to_string());
        commit.commit()?;
        self.staged = Staged::default();
        self.reader.reload()?;
        Ok(self.reader.searcher())
    }

    /// The last committed state.
    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }
}

/// Removes the index, so that the next [`Engine::open`] makes it anew.
pub(super) fn wipe(path: &Path) -> Result<(), Fault> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
