//! What a stretch of work cost each process of the stack.

use std::process;
use std::time::Duration;

use super::Fault;
use super::world::{Addresses, Service};
use crate::disk::written_bytes;
use crate::pairs::{Spread, grouped};
use crate::usage;

/// Processes whose time is counted, by name.
pub(crate) struct Meter {
    pids: Vec<(String, u32)>,
}

/// What each unit of work cost each process, one entry a turn.
#[derive(Default)]
pub(crate) struct Costs(Vec<Cost>);

struct Cost {
    process: String,
    /// Microseconds of processor time.
    cpu: Vec<f64>,
    /// Bytes sent to the disk.
    disk: Vec<f64>,
}

impl Meter {
    /// Of these engines, of all of `services`, and of this process, which is the load.
    pub(crate) fn new(
        at: &Addresses,
        engines: &[&str],
        services: &[Service],
    ) -> Result<Self, Fault> {
        let mut pids = at.pids()?;
        pids.retain(|(name, _)| engines.contains(&name.as_str()));
        pids.extend(services.iter().map(|service| (service.name.to_owned(), service.child.pid())));
        Ok(Self { pids })
    }

    /// Processor time and bytes sent to the disk so far.
    fn read(&self) -> Result<Vec<(Duration, u64)>, Fault> {
        let mut read = Vec::new();
        for (_, pid) in &self.pids {
            read.push((usage::cpu_time_of(*pid)?, written_bytes(*pid)?));
        }
        read.push((usage::cpu_time(), written_bytes(process::id())?));
        Ok(read)
    }

    /// Does `units` of work, and notes in `costs` what each of them took.
    pub(crate) fn during<T>(
        &self,
        units: u64,
        costs: &mut Costs,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let before = self.read()?;
        let outcome = work()?;
        let after = self.read()?;
        let names = self.pids.iter().map(|(name, _)| name.as_str()).chain(["load"]);
        for (name, (before, after)) in names.zip(before.into_iter().zip(after)) {
            let cpu = after.0.saturating_sub(before.0).as_secs_f64() * 1e6;
            let disk = after.1.saturating_sub(before.1) as f64;
            costs.note(name, cpu / units as f64, disk / units as f64);
        }
        Ok(outcome)
    }
}

impl Costs {
    fn note(&mut self, process: &str, cpu: f64, disk: f64) {
        match self.0.iter_mut().find(|known| known.process == process) {
            Some(cost) => {
                cost.cpu.push(cpu);
                cost.disk.push(disk);
            }
            None => {
                let process = process.to_owned();
                self.0.push(Cost { process, cpu: vec![cpu], disk: vec![disk] });
            }
        }
    }

    fn of(&self, process: &str) -> Option<&Cost> {
        self.0.iter().find(|cost| cost.process == process)
    }

    /// Processor time of all processes, turn by turn.
    pub(crate) fn sums(&self) -> Vec<f64> {
        let turns = self.0.iter().map(|cost| cost.cpu.len()).max().unwrap_or(0);
        let of = |turn| self.0.iter().filter_map(|cost| cost.cpu.get(turn)).sum();
        (0..turns).map(of).collect()
    }
}

/// Medians in Markdown: a line for each process of the first column.
pub(crate) fn table(columns: &[(&str, &Costs)]) -> String {
    let heads = |(name, _): &(&str, _)| format!(" µs {name} | bytes to disk {name} |");
    let heads: String = columns.iter().map(heads).collect();
    let mut text = format!("| process |{heads}\n|---|{}\n", "---|---|".repeat(columns.len()));
    let lines = columns.first().map_or(&[][..], |(_, costs)| &costs.0);
    for Cost { process, .. } in lines {
        text += &format!("| {process} |");
        for (_, costs) in columns {
            text += &costs.of(process).map_or(
                " – | – |".to_owned(),
                |Cost { cpu, disk, .. }| {
                    let (cpu, disk) = (Spread::of(cpu).median, Spread::of(disk).median);
                    format!(" {cpu:.0} | {} |", grouped(disk))
                },
            );
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_add_up_over_processes_turn_by_turn() {
        let mut costs = Costs::default();
        for (name, cpu) in [("a", 1.0), ("b", 10.0), ("a", 3.0), ("b", 30.0)] {
            costs.note(name, cpu, 1_000.0);
        }
        assert_eq!(costs.sums(), [11.0, 33.0]);
        let table = table(&[("each", &costs), ("none", &Costs::default())]);
        let ends = "| a | 2 | 1,000 | – | – |\n| b | 20 | 1,000 | – | – |\n";
        assert!(table.ends_with(ends), "{table}");
    }
}
