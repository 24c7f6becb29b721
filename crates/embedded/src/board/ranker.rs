//! A thread that puts posts into their places when many have moved and no reader has asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::Board;

/// Posts out of their places that are worth waking the thread for. A reader that comes first
/// moves at most about as many, in a millisecond.
const ENOUGH: usize = 512;
/// Posts that are moved under one hold of the lock: readers wait some 50 µs.
const SLICE: usize = 64;

/// The thread, which ends when this is dropped.
pub(crate) struct Ranker {
    board: Arc<Board>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ranker {
    /// Starts the thread.
    pub(crate) fn start(board: &Arc<Board>) -> std::io::Result<Self> {
        let (board, ended) = (Arc::clone(board), Arc::new(AtomicBool::new(false)));
        let (its_board, its_end) = (Arc::clone(&board), Arc::clone(&ended));
        let thread = thread::Builder::new()
            .name("ranker".into())
            .spawn(move || run(&its_board, &its_end))?;
        Ok(Self { board, ended, thread: Some(thread) })
    }

    /// Wakes the thread if there is enough to do.
    pub(crate) fn nudge(&self) {
        if self.board.moved() >= ENOUGH
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ranker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has said so; there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}

fn run(board: &Board, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        thread::park();
        while board.moved() > 0 && board.settle(SLICE) > 0 {}
    }
}
