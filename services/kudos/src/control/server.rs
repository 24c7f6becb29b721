use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kudos_runtime::shutdown::Shutdown;
use kudos_runtime::start::Chain;
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{Reply, read_line, write_line};
use crate::jobs::{Job, Place, Reporter, control_socket};

/// Jobs at once.
const MAX_JOBS: usize = 4;
/// How long a client may take to say what it wants.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Opens the control socket and answers on it until the stop.
///
/// A server without one is a server all the same: that is logged, and the commands say it too.
pub(crate) fn serve(place: Place, shutdown: &Shutdown) {
    let socket = control_socket(&place.data);
    let (listener, owner) = match bind(&socket) {
        Ok(bound) => bound,
        Err(error) => {
            let socket = socket.display();
            return tracing::warn!(%socket, %error, "no control socket: commands must wait for a stop");
        }
    };
    let (tasks, stop, place) = (shutdown.clone(), shutdown.token(), Arc::new(place));
    let accept = async move {
        let room = Arc::new(Semaphore::new(MAX_JOBS));
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors, most likely; there is no event that would tell when to go on.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            // The socket's mode keeps others out, but for the moment between its making and then.
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == owner) {
                let (place, room, stop) = (Arc::clone(&place), Arc::clone(&room), tasks.token());
                let answer = async move { answer(stream, &place, &room).await };
                tasks.spawn(async move { stop.run_until_cancelled(answer).await });
            }
        }
    };
    shutdown.spawn(async move {
        stop.run_until_cancelled(accept).await;
        // Left behind, it would only make the next client fail in another way.
        let _ = fs::remove_file(socket);
    });
}

/// The listener and its owner. The data folder is locked by now, so an old socket is nobody's.
fn bind(socket: &Path) -> io::Result<(UnixListener, u32)> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok((listener, fs::metadata(socket)?.uid()))
}

/// Does one job for one client. An error of the connection ends both.
async fn answer(mut stream: UnixStream, place: &Place, room: &Semaphore) -> io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut reading = BufReader::new(reading);
    let Ok(_room) = room.try_acquire() else {
        let busy = Reply::Failed("the server is busy with other commands; try again later".into());
        return write_line(&mut writing, &busy).await;
    };
    let job: Job = match tokio::time::timeout(REQUEST_LIMIT, read_line(&mut reading)).await {
        Ok(Ok(Some(job))) => job,
        Ok(Err(error)) => {
            let why = format!("the running server does not know this command: {error}");
            return write_line(&mut writing, &Reply::Failed(why)).await;
        }
        _ => return Ok(()),
    };
    let (reporter, mut events) = Reporter::new();
    let mut work = Box::pin(place.run(job, &reporter));
    let mut hung_up = [0];
    let outcome = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => write_line(&mut writing, &Reply::Event(event)).await?,
            outcome = &mut work => break outcome,
            _ = reading.read(&mut hung_up) => return Ok(()),
        }
    };
    while let Ok(event) = events.try_recv() {
        write_line(&mut writing, &Reply::Event(event)).await?;
    }
    let reply = outcome.map_or_else(|error| Reply::Failed(Chain(&error).to_string()), Reply::Done);
    write_line(&mut writing, &reply).await
}
