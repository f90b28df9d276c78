//! What a measurement is compared with: `pgbench` on the same server, in the same run.

use std::time::Duration;

use crate::Postgres;

impl Postgres {
    /// How many single rows with a body of this many bytes the server takes in a second, each in a transaction of its own.
    #[track_caller]
    #[must_use]
    pub fn pgbench(&self, clients: usize, bytes: usize, span: Duration) -> f64 {
        let _ = self.query(
            "CREATE TABLE single (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea);
             ALTER TABLE single ALTER body SET STORAGE EXTERNAL",
        );
        let script = tempfile::NamedTempFile::new().expect("there is a place for it");
        std::fs::write(script.path(), "INSERT INTO single (body) VALUES (:body);\n")
            .expect("it can be written");
        let mut pgbench = self.program("pgbench");
        // A variable is sent with each statement.
        let body = format!("--define=body=\\x{}", "61".repeat(bytes));
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", &body, "--file"]).arg(script.path());
        pgbench.args([format!("--client={clients}"), format!("--time={}", span.as_secs())]);
        let output = pgbench.output().expect("pgbench starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
    }
}
