//! What a keyspace says about itself: which tables it has, and what was decided when it was made.

use std::collections::BTreeMap;

use kudos_core::{Clock, Kinds, PortError, SystemClock};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use crate::codec::{damaged, timestamp};
use crate::error::ConnectError;
use crate::migrate::{MIGRATIONS, Migration};
use crate::session::{Db, into_rows};
use crate::settings::CassandraSettings;

/// What was decided under a name.
const DECISION: &str = "SELECT value FROM settings WHERE name = ?";

/// Chooses the keyspace for all statements of the session.
pub(crate) async fn use_keyspace(
    db: &Db,
    settings: &CassandraSettings,
) -> Result<(), ConnectError> {
    let found = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let found = db.session.query_unpaged(found, (&settings.keyspace,)).await;
    let found = found.map_err(|error| ConnectError::of_request(&error, settings))?;
    let rows = into_rows(found).map_err(|error| ConnectError::of_request(&error, settings))?;
    if rows.rows_num() == 0 {
        return Err(ConnectError::NoKeyspace(settings.keyspace.clone()));
    }
    let used = db.session.use_keyspace(&settings.keyspace, false).await;
    used.map_err(|error| ConnectError::of_request(&error, settings))
}

/// How the rows of the keyspace are copied, as the cluster spells it: the class, and numbers by data
/// center.
pub(crate) async fn replication(
    db: &Db,
    settings: &CassandraSettings,
) -> Result<BTreeMap<String, String>, ConnectError> {
    let select = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let found = db.session.query_unpaged(select, (&settings.keyspace,)).await;
    let found = found.map_err(|error| ConnectError::of_request(&error, settings))?;
    let read = into_rows(found).and_then(|rows| {
        let row = rows.single_row::<(BTreeMap<String, String>,)>();
        row.map_err(|error| damaged("system_schema.keyspaces", error))
    });
    Ok(read.map_err(|error| ConnectError::of_request(&error, settings))?.0)
}

/// Refuses tables of another version than this program's.
pub(crate) async fn check_version(
    db: &Db,
    settings: &CassandraSettings,
) -> Result<(), ConnectError> {
    // A keyspace that somebody made by hand has no such table yet.
    let table = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND \
                 table_name = 'schema_migrations'";
    let table = db.session.query_unpaged(table, (&settings.keyspace,)).await;
    let table = table.map_err(|error| ConnectError::of_request(&error, settings))?;
    let made = into_rows(table).is_ok_and(|rows| rows.rows_num() > 0);
    let found = match made {
        true => applied(db, settings).await?.last().map_or(0, |(version, _)| *version),
        false => 0,
    };
    let needed = MIGRATIONS.last().map_or(0, |last| last.version);
    let keyspace = settings.keyspace.clone();
    match found.cmp(&needed) {
        std::cmp::Ordering::Less => Err(ConnectError::SchemaOlder { keyspace, found, needed }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(ConnectError::SchemaNewer { keyspace, found, needed }),
    }
}

/// Versions and checksums of the migrations that were applied, in order.
pub(crate) async fn applied(
    db: &Db,
    settings: &CassandraSettings,
) -> Result<Vec<(i32, String)>, ConnectError> {
    let select = "SELECT version, checksum FROM schema_migrations WHERE part = 0";
    let select = db.read(select, settings).await?;
    let read = async {
        let rows = db.rows(&select, ()).await?;
        let rows = rows.rows::<(i32, String)>().map_err(|e| damaged("schema_migrations", e))?;
        rows.collect::<Result<_, _>>().map_err(|e| damaged("schema_migrations", e))
    };
    read.await.map_err(|error: PortError| ConnectError::of_request(&error, settings))
}

pub(crate) async fn record(
    db: &Db,
    settings: &CassandraSettings,
    migration: &Migration,
) -> Result<(), ConnectError> {
    let insert = "INSERT INTO schema_migrations (part, version, name, checksum, applied_at) \
                  VALUES (0, ?, ?, ?, ?)";
    let insert = db.write(insert, settings).await?;
    let now: CqlTimestamp = timestamp(SystemClock.now());
    let row = (migration.version, migration.name, migration.checksum(), now);
    let done = db.run(&insert, row).await;
    done.map_err(|error| ConnectError::of_request(&error, settings))
}

/// Fixes the number of buckets, or refuses another one than was fixed.
pub(crate) async fn claim_buckets(
    db: &Db,
    settings: &CassandraSettings,
) -> Result<(), ConnectError> {
    let configured = settings.buckets.to_string();
    let recorded = claim(db, settings, "buckets", &configured).await?;
    if recorded == configured {
        return Ok(());
    }
    let (keyspace, configured) = (settings.keyspace.clone(), settings.buckets);
    Err(ConnectError::Buckets { keyspace, recorded, configured })
}

/// Fixes the kinds, appends new ones, or refuses another set.
pub(crate) async fn claim_kinds(
    db: &Db,
    settings: &CassandraSettings,
    kinds: &Kinds,
) -> Result<(), ConnectError> {
    let configured = kinds_text(kinds);
    let recorded = claim(db, settings, "kinds", &configured).await?;
    if recorded == configured {
        return Ok(());
    }
    let refused = || ConnectError::of_kinds(&settings.keyspace, &recorded, kinds);
    let older = Kinds::new(recorded.split(',')).map_err(|_| refused())?;
    if !kinds.extends(&older) {
        return Err(refused());
    }
    let append = "UPDATE settings SET value = ? WHERE name = 'kinds' IF value = ?";
    let append = db.conditional(append, settings).await?;
    let appended = db.run_if(&append, (&configured, &recorded)).await;
    match appended.map_err(|error| ConnectError::of_request(&error, settings))? {
        true => Ok(()),
        // Somebody appended at the same time: what counts is what is there now.
        false => Box::pin(claim_kinds(db, settings, kinds)).await,
    }
}

/// Refuses other buckets or kinds than are recorded, and records nothing. Kinds that would be
/// appended at the next start are fine.
pub(crate) async fn check_decisions(
    db: &Db,
    settings: &CassandraSettings,
    kinds: &Kinds,
) -> Result<(), ConnectError> {
    let failed = |error: PortError| ConnectError::of_request(&error, settings);
    let select = db.read(DECISION, settings).await?;
    let (keyspace, configured) = (settings.keyspace.clone(), settings.buckets);
    match recorded(db, &select, "buckets").await.map_err(failed)? {
        Some(recorded) if recorded != configured.to_string() => {
            return Err(ConnectError::Buckets { keyspace, recorded, configured });
        }
        _ => {}
    }
    let Some(recorded) = recorded(db, &select, "kinds").await.map_err(failed)? else {
        return Ok(());
    };
    match Kinds::new(recorded.split(',')) {
        Ok(older) if kinds.extends(&older) => Ok(()),
        _ => Err(ConnectError::of_kinds(&settings.keyspace, &recorded, kinds)),
    }
}

/// Kinds are named without commas.
pub(crate) fn kinds_text(kinds: &Kinds) -> String {
    kinds.names().collect::<Vec<_>>().join(",")
}

/// Records a decision unless there is one, and tells what is recorded.
async fn claim(
    db: &Db,
    settings: &CassandraSettings,
    name: &str,
    value: &str,
) -> Result<String, ConnectError> {
    let failed = |error: PortError| ConnectError::of_request(&error, settings);
    let select = db.read(DECISION, settings).await?;
    let insert = "INSERT INTO settings (name, value) VALUES (?, ?) IF NOT EXISTS";
    let insert = db.conditional(insert, settings).await?;
    for _ in 0..2 {
        if let Some(recorded) = recorded(db, &select, name).await.map_err(failed)? {
            return Ok(recorded);
        }
        if db.run_if(&insert, (name, value)).await.map_err(failed)? {
            return Ok(value.to_owned());
        }
    }
    Err(failed(damaged("settings", format!("{name} cannot be read back"))))
}

async fn recorded(
    db: &Db,
    select: &PreparedStatement,
    name: &str,
) -> Result<Option<String>, PortError> {
    let rows = db.rows(select, (name,)).await?;
    let row = rows.maybe_first_row::<(String,)>();
    Ok(row.map_err(|error| damaged("settings", error))?.map(|(recorded,)| recorded))
}
