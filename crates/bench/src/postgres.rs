//! A PostgreSQL server of its own, with its defaults, in a temporary folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::error::Error;

/// Debian keeps each version's programs here, outside the search path.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The account that runs PostgreSQL when this program runs as root, which PostgreSQL refuses.
const ACCOUNT: &str = "postgres";
/// Only names the socket: it does not listen on the network.
const PORT: u16 = 5432;

/// A running server, stopped when it is dropped.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    as_account: bool,
}

impl Postgres {
    /// Makes a cluster in `folder` and starts it; none if PostgreSQL is not installed.
    pub(crate) fn start(folder: TempDir) -> Result<Option<Self>, Error> {
        let Some(programs) = programs() else {
            return Ok(None);
        };
        // The process belongs to whom its entry in /proc belongs.
        let as_account = fs::metadata("/proc/self")?.uid() == 0;
        let server = Self { programs, folder, as_account };
        if as_account {
            let (user, group) = account()?;
            chown(server.folder.path(), Some(user), Some(group))?;
        }
        let data = server.data();
        server.run("initdb", &["-D", &data, "-U", "bench", "-A", "trust", "-E", "UTF8"])?;
        let path = server.folder.path().display();
        let options = format!("-k {path} -p {PORT} -c listen_addresses=''");
        let log = format!("{path}/log");
        server.run("pg_ctl", &["start", "-w", "-D", &data, "-l", &log, "-o", &options])?;
        Ok(Some(server))
    }

    /// How to connect.
    pub(crate) fn address(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.folder.path()).port(PORT).user("bench").dbname("postgres");
        config
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<(), Error> {
        let path = self.programs.join(program);
        let mut command = match self.as_account {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups"]).arg(path);
                command
            }
            false => Command::new(path),
        };
        // A started server inherits standard error: a file, for a pipe would never end.
        let said = self.folder.path().join("said");
        let ended = command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&said)?)
            .status()?;
        match ended.success() {
            true => Ok(()),
            false => Err(Error::Postgres { program, said: fs::read_to_string(said)? }),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may not have started.
        let _ = self.run("pg_ctl", &["stop", "-w", "-m", "fast", "-D", &self.data()]);
    }
}

/// The newest version's.
fn programs() -> Option<PathBuf> {
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest =
        fs::read_dir(VERSIONS).ok()?.flatten().map(|entry| entry.path()).max_by_key(number);
    let debian = newest.map(|version| version.join("bin"));
    let searched = std::env::var_os("PATH").unwrap_or_default();
    debian
        .into_iter()
        .chain(std::env::split_paths(&searched))
        .find(|folder| folder.join("initdb").is_file())
}

fn account() -> Result<(u32, u32), Error> {
    let accounts = fs::read_to_string(Path::new("/etc/passwd"))?;
    let found = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == ACCOUNT).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    found.ok_or_else(|| Error::Postgres {
        program: "initdb",
        said: format!("there is no account {ACCOUNT}"),
    })
}
