//! `inbox migrate`: creates the schema in the inbox's database, or brings it up to date.
//!
//! A start does the same, unless `inbox-migrate` is `false`: for teams whose programs have no right to create tables.

use clap::Args;

use super::super::Failure;
use super::super::flags::{Operating, SettingFlags};
use crate::app::App;
use crate::report::console::{print_unchanged, tell};
use crate::report::unusable::unusable;
use crate::settings::Interface;
use crate::store::{self, OpenError};

#[derive(Args)]
pub(super) struct Migrate {
    /// Print the SQL that is missing, and change nothing
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    flags: SettingFlags<Operating>,
}

/// The rights of a program that may not create anything. A later migration may bring new tables, so they are granted after each.
fn grants(schema: &str) -> String {
    format!(
        "-- Rights for the role of the program, unless it owns the schema:\n\
         -- GRANT USAGE ON SCHEMA \"{schema}\" TO …;\n\
         -- GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"{schema}\" TO …;\n\
         -- GRANT USAGE ON ALL SEQUENCES IN SCHEMA \"{schema}\" TO …;\n\n"
    )
}

/// What a person who prepares a role by hand should run as well.
const ROLE: &str = "-- For the role of the program, so that the server ends what has lost its program:\n\
-- ALTER ROLE … SET statement_timeout = '10s';\n\
-- ALTER ROLE … SET lock_timeout = '2s';\n\
-- ALTER ROLE … SET idle_in_transaction_session_timeout = '60s';\n\
-- ALTER ROLE … SET tcp_keepalives_idle = 10;\n\
-- ALTER ROLE … SET tcp_keepalives_interval = 5;\n\
-- ALTER ROLE … SET tcp_keepalives_count = 3;\n\
-- ALTER ROLE … SET tcp_user_timeout = '15s';\n\
-- And so that it compiles no statement, which takes longer than to run it:\n\
-- ALTER ROLE … SET jit = off;\n";

pub(super) async fn run(app: App, migrate: &Migrate) -> Result<(), Failure> {
    let settings = super::settings(app, &migrate.flags, |_, _| ())?;
    let (location, opening) = (&settings.inbox, settings.opening());
    let refused = |error: OpenError| Failure::Failed(unusable(&error, Interface::CommandLine));
    let elsewhere = || {
        let shown = location.shown();
        Failure::Failed(format!("the inbox {shown} is not in a database: `serve` creates and updates it"))
    };
    if migrate.print {
        let script = store::migration_script(location, &opening).await.map_err(refused)?;
        let script = script.ok_or_else(elsewhere)?;
        if script.is_empty() {
            tell("the schema is up to date; these are the rights that the program needs\n");
        }
        print_unchanged(format!("{script}\n{}{ROLE}", grants(&opening.schema)));
        return Ok(());
    }
    let was_behind = store::migrate(location, &opening).await.map_err(refused)?;
    tell(if was_behind.ok_or_else(elsewhere)? {
        "the schema is up to date now\n"
    } else {
        "nothing was missing\n"
    });
    Ok(())
}
