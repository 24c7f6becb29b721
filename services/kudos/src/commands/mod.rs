//! Runs a job for a person at a terminal or a script: data on stdout, progress on stderr.

mod display;

use std::io::Write;
use std::process::ExitCode;

use kudos_runtime::config::Sources;
use kudos_runtime::start::BoxError;

use crate::cli::JobCommand;
use crate::control;
use crate::jobs::{Event, Job, JobError, Outcome, Place, Reporter};
use crate::settings::Settings;
use display::Display;

/// Does a job on the data folder of the settings; if a server runs on it, the server does it.
pub(crate) fn run(sources: &Sources, command: JobCommand) -> ExitCode {
    let mut verdict = ExitCode::SUCCESS;
    let code = kudos_runtime::start::command(sources, |settings: Settings| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (job, output) = command.into_job()?;
        let outcome = runtime.block_on(perform(&settings, &job))?;
        let text = if output.json { &outcome.json } else { &outcome.text };
        writeln!(std::io::stdout(), "{text}")?;
        verdict = ExitCode::from(outcome.exit);
        Ok::<(), BoxError>(())
    });
    if code == ExitCode::SUCCESS { verdict } else { code }
}

async fn perform(settings: &Settings, job: &Job) -> Result<Outcome, JobError> {
    let mut display = Display::new();
    let show = |event: Event| display.show(event);
    match Place::open(settings, job)? {
        Some(place) => here(&place, job.clone(), show).await,
        None => control::ask(&settings.data.path, job, show).await,
    }
}

async fn here(place: &Place, job: Job, mut show: impl FnMut(Event)) -> Result<Outcome, JobError> {
    let (reporter, mut events) = Reporter::new();
    let mut work = Box::pin(place.run(job, &reporter));
    let outcome = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => show(event),
            outcome = &mut work => break outcome,
        }
    };
    while let Ok(event) = events.try_recv() {
        show(event);
    }
    outcome
}
