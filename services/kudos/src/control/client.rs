use std::path::Path;

use tokio::io::BufReader;
use tokio::net::UnixStream;

use super::{Reply, read_line, write_line};
use crate::jobs::{Event, Job, JobError, Outcome, control_socket};

/// Has the server that runs on the data folder do a job, and hands on what it says.
pub(crate) async fn ask(
    data: &Path,
    job: &Job,
    mut on_event: impl FnMut(Event),
) -> Result<Outcome, JobError> {
    let socket = control_socket(data);
    let mut stream = UnixStream::connect(&socket)
        .await
        .map_err(|source| JobError::NoControl { socket, source })?;
    let (reading, mut writing) = stream.split();
    let mut reading = BufReader::new(reading);
    write_line(&mut writing, job).await.map_err(|_| JobError::Disconnected)?;
    loop {
        match read_line(&mut reading).await.map_err(|_| JobError::Disconnected)? {
            Some(Reply::Event(event)) => on_event(event),
            Some(Reply::Done(outcome)) => return Ok(outcome),
            Some(Reply::Failed(why)) => return Err(JobError::Remote(why)),
            None => return Err(JobError::Disconnected),
        }
    }
}
