//! What a measurement is compared with: `pgbench` on the same server, in the same run.

use std::time::Duration;

use crate::Postgres;

impl Postgres {
    /// Starts a server each of whose syncs lasts a millisecond longer (`commit_delay`): the syncs of a disk vary too much for
    /// ratios.
    #[track_caller]
    #[must_use]
    pub fn start_with_long_syncs() -> Self {
        Self::start_with(&[
            "commit_delay=1000",
            "commit_siblings=0",
            "autovacuum=on",
            "shared_buffers=512MB",
            "max_wal_size=8GB",
        ])
    }

    /// How many single rows with a body of this many bytes the server takes in a second, each in a transaction of its own.
    #[track_caller]
    #[must_use]
    pub fn pgbench(&self, clients: usize, bytes: usize, span: Duration) -> f64 {
        let _ = self.query(
            "CREATE TABLE single (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea);
             ALTER TABLE single ALTER body SET STORAGE EXTERNAL",
        );
        let script = tempfile::NamedTempFile::new().expect("there is a place for it");
        let sql = format!("INSERT INTO single (body) VALUES ('\\x{}');\n", "61".repeat(bytes));
        std::fs::write(script.path(), sql).expect("it can be written");
        let mut pgbench = self.program("pgbench");
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--file"]).arg(script.path());
        pgbench.args([format!("--client={clients}"), format!("--time={}", span.as_secs())]);
        let output = pgbench.output().expect("pgbench starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
    }
}
