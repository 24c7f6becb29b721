//! What a stretch of work cost each process of the stack.

use std::time::Duration;

use super::Fault;
use super::world::{Addresses, Service};
use crate::pairs::Spread;
use crate::usage;

/// Processes whose time is counted, by name.
pub(crate) struct Meter {
    pids: Vec<(String, u32)>,
}

/// Microseconds of processor time for each unit of work, by process, one entry a turn.
#[derive(Default)]
pub(crate) struct Costs(Vec<(String, Vec<f64>)>);

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

    fn read(&self) -> Result<Vec<Duration>, Fault> {
        let mut times = Vec::new();
        for (_, pid) in &self.pids {
            times.push(usage::cpu_time_of(*pid)?);
        }
        times.push(usage::cpu_time());
        Ok(times)
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
            let each = after.saturating_sub(before).as_secs_f64() * 1e6 / units as f64;
            costs.note(name, each);
        }
        Ok(outcome)
    }
}

impl Costs {
    fn note(&mut self, name: &str, cost: f64) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, costs)) => costs.push(cost),
            None => self.0.push((name.to_owned(), vec![cost])),
        }
    }

    /// The median of the process of that name.
    fn median(&self, name: &str) -> Option<f64> {
        let costs = self.0.iter().find(|(known, _)| known == name);
        costs.map(|(_, costs)| Spread::of(costs).median)
    }

    /// The sum over all processes, turn by turn.
    pub(crate) fn sums(&self) -> Vec<f64> {
        let turns = self.0.iter().map(|(_, costs)| costs.len()).max().unwrap_or(0);
        let of = |turn| self.0.iter().filter_map(|(_, costs)| costs.get(turn)).sum();
        (0..turns).map(of).collect()
    }
}

/// Medians in Markdown: a line for each process of the first column.
pub(crate) fn table(columns: &[(&str, &Costs)]) -> String {
    let heads: String = columns.iter().map(|(head, _)| format!(" {head} |")).collect();
    let mut text = format!("| process |{heads}\n|---|{}\n", "---|".repeat(columns.len()));
    let names = columns.first().map_or(&[][..], |(_, costs)| &costs.0).iter().map(|(name, _)| name);
    for name in names {
        text += &format!("| {name} |");
        for (_, costs) in columns {
            let cost = costs.median(name).map_or("–".to_owned(), |cost| format!("{cost:.0}"));
            text += &format!(" {cost} |");
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
        for (name, cost) in [("a", 1.0), ("b", 10.0), ("a", 3.0), ("b", 30.0)] {
            costs.note(name, cost);
        }
        assert_eq!(costs.sums(), [11.0, 33.0]);
        let table = table(&[("each", &costs), ("none", &Costs::default())]);
        assert!(table.ends_with("| a | 2 | – |\n| b | 20 | – |\n"), "{table}");
    }
}
