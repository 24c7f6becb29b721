//! A TCP proxy that understands where CQL frames begin and end, and loses or holds batches.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const HEADER: usize = 9;
const OPCODE: usize = 4;
const BATCH: u8 = 0x0d;

/// What becomes of batches; everything else passes.
#[derive(Default)]
pub(crate) struct Faults {
    /// Of how many batches one gets no reply; 0 for none.
    pub(crate) lose_reply_of_every: AtomicUsize,
    batches: AtomicUsize,
    /// Replies lost.
    pub(crate) lost: AtomicUsize,
    /// Whether the next batch is held.
    hold: Mutex<bool>,
    pub(crate) held: Notify,
    pub(crate) release: Notify,
    /// The held batch was answered by the server.
    pub(crate) answered: Notify,
}

impl Faults {
    pub(crate) fn hold_next(&self) {
        *self.hold.lock() = true;
    }
}

/// Listens on a free port in front of `node`, and tells its address.
pub(crate) async fn in_front_of(node: &str, faults: Arc<Faults>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let node = node.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&node).await else { return };
            tokio::spawn(relay(client, server, Arc::clone(&faults)));
        }
    });
    address
}

async fn relay(client: TcpStream, server: TcpStream, faults: Arc<Faults>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let to_server = Arc::new(tokio::sync::Mutex::new(to_server));
    let doomed = Arc::new(Mutex::new(HashSet::new()));
    let held = Arc::new(Mutex::new(HashSet::new()));
    let up = async {
        while let Ok(frame) = read(&mut from_client).await {
            let stream = [frame[2], frame[3]];
            if frame[OPCODE] == BATCH && std::mem::take(&mut *faults.hold.lock()) {
                held.lock().insert(stream);
                let (faults, to_server) = (Arc::clone(&faults), Arc::clone(&to_server));
                tokio::spawn(async move {
                    faults.held.notify_one();
                    faults.release.notified().await;
                    let _ = to_server.lock().await.write_all(&frame).await;
                });
                continue;
            }
            if frame[OPCODE] == BATCH && faults.loses() {
                doomed.lock().insert(stream);
            }
            if to_server.lock().await.write_all(&frame).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        while let Ok(frame) = read(&mut from_server).await {
            let stream = [frame[2], frame[3]];
            if held.lock().remove(&stream) {
                faults.answered.notify_one();
            }
            if doomed.lock().remove(&stream) {
                faults.lost.fetch_add(1, Ordering::Relaxed);
            } else if to_client.write_all(&frame).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(up, down);
}

impl Faults {
    fn loses(&self) -> bool {
        let every = self.lose_reply_of_every.load(Ordering::Relaxed);
        let batch = self.batches.fetch_add(1, Ordering::Relaxed);
        every > 0 && batch.is_multiple_of(every)
    }
}

async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; HEADER];
    from.read_exact(&mut frame).await?;
    let length = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
    frame.resize(HEADER + length as usize, 0);
    from.read_exact(&mut frame[HEADER..]).await?;
    Ok(frame)
}
