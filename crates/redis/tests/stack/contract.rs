//! The promises of the port, on one server and on a cluster, with one shard and with several, with
//! posts young enough for windows and with posts that are too old for them.

use std::sync::{Arc, LazyLock};

use kudos_core::ports::LiveCounts;
use kudos_redis::{RedisLive, RedisSettings};
use kudos_testkit::Scope;
use kudos_testkit::contract::{Backend, HasLive};
use kudos_testkit::live_counts_contract;

use crate::support::{Cluster, Server, complete, mark_complete, stack, start};

static SINGLE: LazyLock<Server> = LazyLock::new(|| start(&[]));
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(0, &[]));

/// Keys that nobody else has.
fn own(settings: RedisSettings) -> RedisSettings {
    RedisSettings { prefix: format!("{}:", Scope::new()), ..settings }
}

async fn migrated(settings: RedisSettings) -> Arc<RedisLive> {
    let live = complete(settings).await;
    live.migrate().await.expect("the library can be loaded");
    Arc::new(live)
}

/// Makes a backend of settings, and runs the suite on it.
macro_rules! suite {
    ($module:ident, $shared:literal, $open:expr) => {
        mod $module {
            use super::*;

            pub(super) struct Backed(Arc<RedisLive>);

            impl Backend for Backed {
                const SHARED: bool = $shared;

                async fn open() -> Self {
                    Self($open.await)
                }
            }

            impl HasLive for Backed {
                fn live(&self) -> Arc<dyn LiveCounts> {
                    self.0.clone()
                }
            }

            live_counts_contract!(Backed);
        }
    };
}

suite!(the_stack, false, migrated(own(stack())));
suite!(one_server, false, migrated(own(SINGLE.settings())));
suite!(
    one_server_with_shards,
    false,
    migrated(RedisSettings { shards: 5, ..own(SINGLE.settings()) })
);
suite!(one_server_that_others_use, true, migrated(SINGLE.settings()));
suite!(a_cluster, false, migrated(own(CLUSTER.settings())));
suite!(
    a_cluster_with_shards,
    false,
    migrated(RedisSettings { shards: 4, ..own(CLUSTER.settings()) })
);
suite!(posts_too_old_for_windows, false, async {
    let kinds = Arc::default();
    let live = RedisLive::new(own(SINGLE.settings()), kinds, Arc::new(())).expect("valid settings");
    mark_complete(&live).await;
    Arc::new(live)
});
