//! Which fields of INFO and CLUSTER INFO are shown, under which names.
//!
//! The names are those of `redis_exporter`, so that dashboards and rules made for it fit. It takes
//! operations a second from `redis_commands_processed_total`; the server's own figure is shown as
//! well, under the name that it had there until version 1.

/// What a figure is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    /// Shown with `_total` behind its name.
    Counter,
}

/// One line of the servers' answers.
pub(super) struct Figure {
    pub(super) field: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

const fn gauge(field: &'static str, name: &'static str, help: &'static str) -> Figure {
    Figure { field, name, kind: Kind::Gauge, help }
}

const fn counter(field: &'static str, name: &'static str, help: &'static str) -> Figure {
    Figure { field, name, kind: Kind::Counter, help }
}

/// How many figures a node has.
pub(super) const FIGURES: usize = 31;

/// All figures, in the order in which a reading holds them.
#[rustfmt::skip]
pub(super) const TABLE: [Figure; FIGURES] = [
    gauge("cluster_state", "redis_cluster_state", "1 if the node sees a cluster that serves"),
    gauge("cluster_slots_assigned", "redis_cluster_slots_assigned", "Slots that have a master"),
    gauge("cluster_slots_ok", "redis_cluster_slots_ok", "Slots whose master is well"),
    gauge("cluster_slots_pfail", "redis_cluster_slots_pfail", "Slots whose master may have failed, to this node"),
    gauge("cluster_slots_fail", "redis_cluster_slots_fail", "Slots whose master has failed"),
    gauge("cluster_known_nodes", "redis_cluster_known_nodes", "Nodes that the node knows of"),
    gauge("cluster_size", "redis_cluster_size", "Masters that serve slots"),
    gauge("uptime_in_seconds", "redis_uptime_in_seconds", "Seconds since the server was started"),
    gauge("loading", "redis_loading_dump_file", "1 while the server loads what it has on disk"),
    gauge("connected_clients", "redis_connected_clients", "Connections of clients"),
    gauge("blocked_clients", "redis_blocked_clients", "Clients that wait in a blocking call"),
    gauge("maxclients", "redis_max_clients", "The most connections of clients"),
    gauge("used_memory", "redis_memory_used_bytes", "Memory that data and buffers take"),
    gauge("used_memory_rss", "redis_memory_used_rss_bytes", "Memory that the system gave to the process"),
    gauge("used_memory_peak", "redis_memory_used_peak_bytes", "The most memory used since the start"),
    gauge("maxmemory", "redis_memory_max_bytes", "The limit of used memory; 0 for none"),
    gauge("mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", "Memory from the system per memory used"),
    gauge("instantaneous_ops_per_sec", "redis_instantaneous_ops_per_sec", "Commands a second, of late"),
    counter("total_commands_processed", "redis_commands_processed", "Commands processed"),
    counter("evicted_keys", "redis_evicted_keys", "Keys dropped because memory was full"),
    counter("expired_keys", "redis_expired_keys", "Keys that were too old"),
    counter("total_connections_received", "redis_connections_received", "Connections accepted"),
    counter("rejected_connections", "redis_rejected_connections", "Connections refused because there were too many"),
    gauge("connected_slaves", "redis_connected_slaves", "Replicas that are connected"),
    gauge("master_repl_offset", "redis_master_repl_offset", "How far the stream of changes is"),
    gauge("rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", "When the last snapshot was written"),
    gauge("rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", "Changes since the last snapshot"),
    gauge("rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", "1 if the last snapshot was written"),
    gauge("aof_enabled", "redis_aof_enabled", "1 if changes are appended to a file"),
    gauge("aof_last_write_status", "redis_aof_last_write_status", "1 if the last changes were appended"),
    gauge("aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", "1 if the file of changes was last rewritten well"),
];

/// The place of a field in [`TABLE`].
pub(super) fn place(field: &str) -> Option<usize> {
    TABLE.iter().position(|figure| figure.field == field)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_a_name_of_its_own() {
        let names: BTreeSet<_> = TABLE.iter().map(|figure| figure.name).collect();
        let fields: BTreeSet<_> = TABLE.iter().map(|figure| figure.field).collect();
        assert_eq!((names.len(), fields.len()), (FIGURES, FIGURES));
        assert!(names.iter().all(|name| name.starts_with("redis_") && !name.ends_with("_total")));
    }
}
