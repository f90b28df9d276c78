//! Syncs that last as long as a disk's, and always equally long.

use std::path::Path;
use std::process::Command;

use crate::{PORT, Postgres, folder, give};

/// What makes them last longer.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/slow_sync.c");

impl Postgres {
    /// Starts a server for measurements. Each sync of its log lasts a millisecond longer: the syncs of a disk vary too much
    /// for ratios.
    ///
    /// # Panics
    ///
    /// Panics if there is no C compiler.
    #[track_caller]
    #[must_use]
    pub fn start_with_slow_syncs() -> Self {
        let folder = folder();
        let library = folder.join("slow_sync.so");
        compile(&library);
        let environment = [("LD_PRELOAD", library.as_os_str())];
        let settings =
            ["wal_sync_method=fdatasync", "autovacuum=on", "shared_buffers=512MB", "max_wal_size=8GB"];
        let mut server = Self::stopped_in(folder, PORT, &settings, &environment);
        server.initialise();
        server.restart();
        server
    }
}

#[track_caller]
fn compile(library: &Path) {
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-shared", "-fPIC", "-o"]).arg(library).arg(SOURCE);
    assert!(cc.status().is_ok_and(|status| status.success()), "measurements need a C compiler: install `cc`");
    give(library);
}
