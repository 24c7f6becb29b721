//! What is to be delivered, of all writers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{DueWindow, OutageWindows};
use kudos_core::{Millis, PortError, PostId};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use super::Journal;
use crate::codec::{damaged, from_bigint, millis, post_id, to_bigint};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// Windows of one writer that are looked at in one call.
const MAX_WINDOWS: i32 = 10_000;
/// How long after its death a writer with nothing left to deliver is forgotten, in the time that
/// it takes to count as dead.
const FORGET: u32 = 10;

pub(super) struct Sweep {
    instances: PreparedStatement,
    instance: PreparedStatement,
    windows: PreparedStatement,
    posts: PreparedStatement,
    set_missed: PreparedStatement,
    remove: PreparedStatement,
    forget_windows: PreparedStatement,
    forget_instance: PreparedStatement,
}

/// The row of a writer.
struct Instance {
    name: String,
    heartbeat: Millis,
    first_open: u64,
    last_open: u64,
}

type InstanceColumns = (String, Option<CqlTimestamp>, Option<i64>, Option<i64>);
type WindowColumns = (i64, Option<BTreeSet<String>>, Option<bool>, Option<bool>);

impl Sweep {
    pub(super) async fn prepare(
        db: &Db,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let columns = "SELECT instance, heartbeat, first_open, last_open FROM instances";
        let instances = format!("{columns} WHERE part = 0");
        let instance = format!("{columns} WHERE part = 0 AND instance = ?");
        let windows = "SELECT window, missed, any_sink, in_doubt FROM windows \
                       WHERE instance = ? LIMIT ?";
        let posts = "SELECT post_id FROM pending \
                     WHERE instance = ? AND window = ? AND post_id > ? LIMIT ?";
        let set_missed = "INSERT INTO windows (instance, window, missed, any_sink, in_doubt) \
                          VALUES (?, ?, ?, false, ?)";
        let remove = "DELETE FROM windows WHERE instance = ? AND window = ?";
        let forget_windows = "DELETE FROM windows WHERE instance = ?";
        let forget_instance = "DELETE FROM instances USING TIMESTAMP ? \
                               WHERE part = 0 AND instance = ?";
        Ok(Self {
            instances: db.read(&instances, settings).await?,
            instance: db.read(&instance, settings).await?,
            windows: db.read(windows, settings).await?,
            posts: db.read(posts, settings).await?,
            set_missed: db.write(set_missed, settings).await?,
            remove: db.write(remove, settings).await?,
            forget_windows: db.write(forget_windows, settings).await?,
            forget_instance: db.write(forget_instance, settings).await?,
        })
    }
}

impl Instance {
    fn of((name, heartbeat, first, last): InstanceColumns) -> Self {
        let (first, last) = (first.map_or(1, from_bigint), last.map_or(0, from_bigint));
        let heartbeat = heartbeat.map(millis).unwrap_or_default();
        Self { name, heartbeat, first_open: first, last_open: last }
    }

    fn died_before(&self, now: Millis, span: Duration) -> bool {
        self.heartbeat.plus(span) < now
    }

    fn calls_open(&self, window: u64) -> bool {
        (self.first_open..=self.last_open).contains(&window)
    }

    /// What is to be delivered, given the rows of its windows: of a writer that died, also the
    /// windows that it left open.
    fn due(&self, rows: Vec<WindowColumns>, died: bool) -> Vec<DueWindow> {
        let mut due: BTreeMap<u64, Option<DueWindow>> = BTreeMap::new();
        for (window, missed, any_sink, in_doubt) in rows {
            let (window, missed) = (from_bigint(window), missed.unwrap_or_default());
            let any_sink = any_sink.unwrap_or(false);
            let told = missed.is_empty() && !any_sink;
            due.insert(
                window,
                (!told).then(|| DueWindow {
                    instance: self.name.clone(),
                    window,
                    missed: (!any_sink).then(|| missed.into_iter().collect()),
                    in_doubt: in_doubt.unwrap_or(true),
                }),
            );
        }
        let most = u64::from(MAX_WINDOWS.unsigned_abs());
        let last = self.last_open.min(self.first_open.saturating_add(most));
        for window in (self.first_open..=last).filter(|_| died) {
            let (instance, missed) = (self.name.clone(), None);
            let orphan = DueWindow { instance, window, missed, in_doubt: true };
            due.entry(window).or_insert(Some(orphan));
        }
        due.into_values().flatten().collect()
    }
}

impl Journal {
    async fn instances(&self) -> Result<Vec<Instance>, PortError> {
        let rows = self.db.rows(&self.sweep.instances, ()).await?;
        let rows = rows.rows::<InstanceColumns>().map_err(|e| damaged("instances", e))?;
        let rows = rows.map(|row| row.map(Instance::of).map_err(|e| damaged("instances", e)));
        rows.collect()
    }

    async fn instance_row(&self, name: &str) -> Result<Option<Instance>, PortError> {
        let rows = self.db.rows(&self.sweep.instance, (name,)).await?;
        let row = rows.maybe_first_row::<InstanceColumns>();
        Ok(row.map_err(|error| damaged("instances", error))?.map(Instance::of))
    }

    async fn due_of(&self, instance: &Instance) -> Result<Vec<DueWindow>, PortError> {
        let rows = self.db.rows(&self.sweep.windows, (&instance.name, MAX_WINDOWS)).await?;
        let rows = rows.rows::<WindowColumns>().map_err(|error| damaged("windows", error))?;
        let rows = rows.collect::<Result<_, _>>().map_err(|error| damaged("windows", error))?;
        let now = self.clock.now();
        let due = instance.due(rows, instance.died_before(now, self.orphan_after));
        if due.is_empty() && instance.died_before(now, self.orphan_after * FORGET) {
            self.forget(instance).await?;
        }
        Ok(due)
    }

    /// Deletes what is left of a writer that died. One that lives after all writes its row anew.
    async fn forget(&self, instance: &Instance) -> Result<(), PortError> {
        let stamp = to_bigint(instance.heartbeat.0).saturating_add(1).saturating_mul(1000);
        self.db.run(&self.sweep.forget_windows, (&instance.name,)).await?;
        self.db.run(&self.sweep.forget_instance, (stamp, &instance.name)).await
    }
}

#[async_trait]
impl OutageWindows for Journal {
    async fn due(&self, limit: usize) -> Result<Vec<DueWindow>, PortError> {
        let mut due = Vec::new();
        for instance in self.instances().await? {
            due.extend(self.due_of(&instance).await?);
        }
        due.sort_by(|a, b| (a.window, &a.instance).cmp(&(b.window, &b.instance)));
        due.truncate(limit);
        Ok(due)
    }

    async fn posts(
        &self,
        window: &DueWindow,
        after: Option<&PostId>,
        limit: usize,
    ) -> Result<Vec<PostId>, PortError> {
        let after = after.map_or("", PostId::as_str);
        let limit = i32::try_from(limit).unwrap_or(i32::MAX).max(1);
        let key = (&window.instance, to_bigint(window.window), after, limit);
        let rows = self.db.rows(&self.sweep.posts, key).await?;
        let rows = rows.rows::<(&str,)>().map_err(|error| damaged("pending", error))?;
        rows.map(|row| post_id(row.map_err(|error| damaged("pending", error))?.0)).collect()
    }

    async fn told(&self, window: &DueWindow, left: &[String]) -> Result<(), PortError> {
        let number = to_bigint(window.window);
        let row = self.instance_row(&window.instance).await?;
        // A window that its writer calls open would look as if nobody had told it.
        let stays = row.is_some_and(|row| row.calls_open(window.window));
        if left.is_empty() && !stays {
            return self.db.run(&self.sweep.remove, (&window.instance, number)).await;
        }
        let told = (&window.instance, number, left, window.in_doubt);
        self.db.run(&self.sweep.set_missed, told).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Instance {
        let name = "i".to_owned();
        Instance { name, heartbeat: Millis(1000), first_open: 3, last_open: 5 }
    }

    fn row(window: i64, missed: &[&str], any: bool) -> WindowColumns {
        let missed = missed.iter().map(|&sink| sink.to_owned()).collect();
        (window, Some(missed), Some(any), Some(false))
    }

    fn numbers(due: &[DueWindow]) -> Vec<(u64, bool)> {
        due.iter().map(|due| (due.window, due.missed.is_some())).collect()
    }

    #[test]
    fn of_a_writer_that_lives_only_recorded_windows_are_due() {
        let rows = vec![row(1, &["live"], false), row(2, &[], true)];
        assert_eq!(numbers(&instance().due(rows, false)), [(1, true), (2, false)]);
    }

    #[test]
    fn of_a_writer_that_died_open_windows_are_due_until_they_are_told() {
        let rows = vec![row(3, &[], false), row(4, &["log"], false)];
        assert_eq!(numbers(&instance().due(rows, true)), [(4, true), (5, false)]);
    }

    #[test]
    fn a_writer_without_an_open_window_leaves_none_behind() {
        let instance = Instance { first_open: 6, ..instance() };
        assert_eq!(instance.due(Vec::new(), true), []);
    }
}
