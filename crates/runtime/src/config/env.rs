//! `KUDOS_SECTION__KEY`: two underscores step into a section, one belongs to the key's name.

use std::{ffi::OsString, sync::Arc};

use super::{
    error::{ConfigError, Origin},
    tree::{Node, Table, insert},
};

/// What every variable of ours begins with.
const PREFIX: &str = "KUDOS_";

/// What the variables begin with that say where the local stack is: for tests and scripts.
const STACK_PREFIX: &str = "KUDOS_STACK_";

/// Names the configuration file; not itself a setting.
pub(super) const CONFIG_VARIABLE: &str = "KUDOS_CONFIG";

/// Reads the settings out of the environment, skipping the names in `ignored`.
pub(super) fn table(
    variables: &[(OsString, OsString)],
    ignored: &[String],
) -> Result<Table, ConfigError> {
    let mut sorted: Vec<(&str, &OsString)> = variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, value)| is_setting(name, value) && !ignored.iter().any(|i| i == name))
        .collect();
    // The environment has no order of its own: sorted, the outcome is the same on every start.
    sorted.sort_unstable_by_key(|(name, _)| *name);

    let mut table = Table::new();
    for (name, value) in sorted {
        let text =
            value.to_str().ok_or_else(|| ConfigError::NotUnicode { variable: name.to_owned() })?;
        let key = name[PREFIX.len()..].to_ascii_lowercase();
        let path: Vec<&str> = key.split("__").collect();
        let node = Node::text(Origin::Env(Arc::from(name)), text);
        insert(&mut table, &path, node);
    }
    Ok(table)
}

/// The variable that sets a dotted key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

fn is_setting(name: &str, value: &OsString) -> bool {
    name.starts_with(PREFIX)
        && name != CONFIG_VARIABLE
        && !name.starts_with(STACK_PREFIX)
        && !is_service_link(name, value)
}

/// Kubernetes puts variables such as `KUDOS_SERVICE_HOST` and `KUDOS_PORT=tcp://…` into every pod
/// beside a service called `kudos`: they are nobody's typing errors.
fn is_service_link(name: &str, value: &OsString) -> bool {
    let numbered_port =
        || name.split("_PORT_").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let address = || value.to_str().is_some_and(|text| text.contains("://"));
    !name.contains("__")
        && (name.contains("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT")
            || numbered_port()
            || (name.ends_with("_PORT") && address()))
}
